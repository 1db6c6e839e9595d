// What a program says that has grown over the end of a stack, and that it says nothing of other exceptions.

#include <gtest/gtest.h>
#include <windows.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <string>
#include <thread>
#include <weft/coroutine.hpp>
#include <weft/overflow.hpp>

namespace {

using weft::call_site;
using weft::coroutine;

bool volatile without_end = true;  // which the compiler does not know

[[gnu::noinline]] int descend(int depth) {
    char volatile frame[256];
    frame[0] = static_cast<char>(depth);
    return without_end ? descend(depth + 1) + frame[0] : depth;
}

/// What is left of a stack of that size, as a report says it.
std::string usable(std::size_t stack_size) {
    return std::to_string((std::bit_ceil(stack_size) - weft::stack_guard_size) / 1024) + " KiB";
}

/// The program has crashed: by the exception, or by what wine makes of it.
bool crashed(int status) {
    return (static_cast<unsigned>(status) >> 30) == 3;  // an NTSTATUS that is an error
}

call_site at(unsigned line) {
    return {"server.cpp", line};
}

void overflow(weft::coroutine_options const& options = {.name = "reader", .stack_size = 64 * 1024}) {
    coroutine co(
        options, [] { descend(0); }, at(30));
    co.enter(at(41));
}

TEST(overflow_death, of_a_deep_recursion_reads_as_the_header_says) {
    EXPECT_EXIT(
        overflow(), crashed,
        "^weft: coroutine \"reader\" \\(id [0-9]+, created at server.cpp:30\\) overflowed its stack of " +
            usable(64 * 1024) +
            " \\(coroutine_options::stack_size\\) at 0x[0-9a-f]+ in [^ ]*test_coroutine.exe\\+0x[0-9a-f]+; it was "
            "entered at server.cpp:41\n");
}

TEST(overflow_death, names_the_default_size) {
    EXPECT_EXIT(overflow({}), crashed,
                "weft: coroutine .* overflowed its stack of " + usable(weft::default_stack_size));
}

void overflow_after_a_yield() {
    coroutine co([] {
        weft::yield(at(44));
        descend(0);
    });
    co.enter(at(41));
    co.enter(at(42));
}

TEST(overflow_death, names_where_it_had_last_suspended) {
    EXPECT_EXIT(overflow_after_a_yield(), crashed,
                "it was entered at server.cpp:42, and had last suspended at server.cpp:44\n");
}

void overflow_in_a_second_life() {
    {
        coroutine earlier([] { weft::yield(at(44)); });
        earlier.enter();
    }
    overflow({.name = "second"});
}

TEST(overflow_death, on_a_fiber_that_is_used_again_names_the_present_coroutine) {
    EXPECT_EXIT(overflow_in_a_second_life(), crashed, "\"second\".* it was entered at server.cpp:41\n");
}

[[gnu::noinline]] void large_frame() {
    std::array<char, 3 * 1024 * 1024> frame;
    asm volatile("" : : "r"(frame.data()) : "memory");
    frame[0] = 1;
    asm volatile("" : : "r"(frame.data()) : "memory");
}

TEST(overflow_death, of_an_array_larger_than_the_stack_is_met_by_probes) {
    EXPECT_EXIT(coroutine({.name = "large"}, [] { large_frame(); }).enter(), crashed,
                "weft: coroutine \"large\" .*overflowed its stack");
}

TEST(overflow_death, on_another_thread) {
    EXPECT_EXIT(std::thread([] { overflow({.name = "elsewhere"}); }).join(), crashed,
                "weft: coroutine \"elsewhere\" .*overflowed its stack");
}

TEST(overflow_death, of_one_that_another_has_entered_names_the_inner_one) {
    EXPECT_EXIT(coroutine({.name = "outer"}, [] { overflow({.name = "inner"}); }).enter(), crashed,
                "weft: coroutine \"inner\" .*overflowed its stack");
}

void enter_a_coroutine() {
    coroutine co([] {});
    co.enter();
}

/// Ends with 7 for an access violation.
LONG CALLBACK expects_a_fault(EXCEPTION_POINTERS* exception) {
    std::_Exit(exception->ExceptionRecord->ExceptionCode == EXCEPTION_ACCESS_VIOLATION ? 7 : 1);
}

void fault_with_a_handler(bool inside) {
    enter_a_coroutine();
    AddVectoredExceptionHandler(0, expects_a_fault);  // asked after weft's
    auto fault = [] { *reinterpret_cast<char volatile*>(std::uintptr_t{16}) = 1; };
    inside ? coroutine(fault).enter() : fault();
}

TEST(overflow_death, is_not_any_other_fault_which_reaches_other_handlers) {
    EXPECT_EXIT(fault_with_a_handler(false), testing::ExitedWithCode(7), "^$");
    EXPECT_EXIT(fault_with_a_handler(true), testing::ExitedWithCode(7), "^$");
}

void overflow_with_a_handler_of_ones_own() {
    if (!weft::leave_faults_alone() || !weft::leave_faults_alone()) {
        std::_Exit(1);
    }
    AddVectoredExceptionHandler(1, [](EXCEPTION_POINTERS* exception) -> LONG {
        TerminateProcess(GetCurrentProcess(), weft::report_overflow(*exception) ? 3 : 1);
        return EXCEPTION_CONTINUE_SEARCH;
    });
    overflow();
}

TEST(overflow_death, can_be_reported_by_a_handler_of_ones_own) {
    EXPECT_EXIT(overflow_with_a_handler_of_ones_own(), testing::ExitedWithCode(3),
                "weft: coroutine \"reader\" .*overflow");
}

void overflow_left_alone() {
    (void)weft::leave_faults_alone();
    AddVectoredExceptionHandler(1, [](EXCEPTION_POINTERS*) -> LONG {
        TerminateProcess(GetCurrentProcess(), 3);
        return EXCEPTION_CONTINUE_SEARCH;
    });
    overflow();
}

TEST(overflow_death, is_not_reported_where_weft_was_told_to_leave_faults_alone) {
    EXPECT_EXIT(overflow_left_alone(), testing::ExitedWithCode(3), "^$");
}

TEST(leave_faults_alone, says_when_it_comes_too_late) {
    enter_a_coroutine();
    EXPECT_FALSE(weft::leave_faults_alone());
}

}  // namespace
