// What a program says that has grown over the end of a stack, and that it says nothing of other faults.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <weft/coroutine.hpp>
#include <weft/overflow.hpp>

#include "stack/slab.hpp"

static bool volatile without_end = true;  // which the compiler does not know

// Seen by the dynamic linker (the test is linked so), so that the report can name it.
extern "C" [[gnu::noinline, gnu::visibility("default")]] int weft_test_descend(int depth) {
    char volatile frame[256];
    frame[0] = static_cast<char>(depth);
    return without_end ? weft_test_descend(depth + 1) + frame[0] : depth;
}

namespace {

using weft::call_site;
using weft::coroutine;

constexpr std::size_t small = weft::stack_guard_size + 48 * 1024;

/// What is left of a stack of that size, as a report says it.
std::string usable(std::size_t stack_size) {
    return std::to_string((std::bit_ceil(stack_size) - weft::stack_guard_size) / 1024) + " KiB";
}

// All that a program says, but for the last word of qemu-user if that runs it.
#define SAYS(text) "^" text "(qemu: uncaught target signal [^\n]*\n)?$"

/// How a program ends that has overflowed: by the signal, or by AddressSanitizer's own report that follows weft's.
bool ends_as_it_should(int status) {
#if defined(WEFT_ASAN)
    return WIFEXITED(status) && WEXITSTATUS(status) != 0;
#else
    return WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
#endif
}

/// Each test is a program of its own, so that signals and their stacks are as a new process has them.
class overflow_death : public testing::Test {
protected:
    overflow_death() {
        rlimit none{0, 0};
        setrlimit(RLIMIT_CORE, &none);
    }
};

call_site at(unsigned line) {
    return {"server.cpp", line};
}

/// Keeps the compiler from knowing what is there, and from leaving out what is written to it.
void use(void* p) {
    asm volatile("" : : "r"(p) : "memory");
}

void overflow(weft::coroutine_options const& options = {.name = "reader", .stack_size = small}) {
    coroutine co(
        options, [] { weft_test_descend(0); }, at(30));
    co.enter(at(41));
}

// Which function steps over the end: with a sanitizer it may be one of its own, called from there.
#if defined(WEFT_TSAN) || defined(WEFT_ASAN)
#define OVERFLOWING "[^ ]+"
#else
#define OVERFLOWING "weft_test_descend"
#endif

TEST_F(overflow_death, of_a_deep_recursion_reads_as_the_header_says) {
    EXPECT_EXIT(overflow(), ends_as_it_should,
                "^weft: coroutine \"reader\" \\(id [0-9]+, created at server.cpp:30\\) overflowed its stack of " +
                    usable(small) +
                    " \\(coroutine_options::stack_size\\) at 0x[0-9a-f]+ in " OVERFLOWING
                    "\\+0x[0-9a-f]+; it was entered "
                    "at server.cpp:41\n");
}

TEST_F(overflow_death, names_the_default_size) {
    EXPECT_EXIT(overflow({}), ends_as_it_should,
                "weft: coroutine \\(id [0-9]+, .* overflowed its stack of " + usable(weft::default_stack_size));
}

void overflow_into_a_mapping() {
    weft::detail::force_guard_kind(weft::detail::guard_kind::mappings);
    overflow();
}

TEST_F(overflow_death, is_reported_where_guards_are_mappings) {
    EXPECT_EXIT(overflow_into_a_mapping(), ends_as_it_should, "weft: coroutine \"reader\" .*overflowed its stack");
}

void overflow_after_a_yield() {
    coroutine co([] {
        weft::yield(at(44));
        weft_test_descend(0);
    });
    co.enter(at(41));
    co.enter(at(42));
}

TEST_F(overflow_death, names_where_it_had_last_suspended) {
    EXPECT_EXIT(overflow_after_a_yield(), ends_as_it_should,
                "it was entered at server.cpp:42, and had last suspended at server.cpp:44\n");
}

void overflow_in_a_second_life() {
    {
        coroutine earlier([] { weft::yield(at(44)); });
        earlier.enter();
    }
    overflow({.name = "second"});
}

TEST_F(overflow_death, does_not_name_what_an_earlier_life_on_the_same_stack_did) {
    EXPECT_EXIT(overflow_in_a_second_life(), ends_as_it_should, "\"second\".* it was entered at server.cpp:41\n");
}

/// `size` bytes of locals, written from their lowest on.
template <std::size_t size>
[[gnu::noinline]] void large_frame() {
    std::array<char, size> frame;
    use(frame.data());
    frame[0] = 1;
    use(frame.data());
}

template <std::size_t size>
void overflow_by_a_frame() {
    // On a stack as large as a guard, less its colour, and less what lies there.
    coroutine co({.name = "large", .stack_size = 2 * weft::stack_guard_size}, [] { large_frame<size>(); });
    co.enter();
}

TEST_F(overflow_death, of_an_array_that_steps_over_a_page) {
    EXPECT_EXIT(overflow_by_a_frame<weft::stack_guard_size + 6 * 1024>(), ends_as_it_should,
                "weft: coroutine \"large\" .*overflow");
}

TEST_F(overflow_death, of_an_array_larger_than_the_guard_is_met_by_probes) {
#if defined(__riscv)
    GTEST_SKIP() << "gcc 12 makes no probes for riscv64";
#elif defined(__clang__) && defined(__aarch64__)
    GTEST_SKIP() << "clang 14 makes no probes for aarch64";
#endif
    EXPECT_EXIT(overflow_by_a_frame<1024 * 1024>(), ends_as_it_should, "weft: coroutine \"large\" .*overflow");
}

TEST_F(overflow_death, on_another_thread) {
    EXPECT_EXIT(std::thread([] { overflow({.name = "elsewhere"}); }).join(), ends_as_it_should,
                "weft: coroutine \"elsewhere\" .*overflowed its stack");
}

TEST_F(overflow_death, of_one_that_another_has_entered_names_the_inner_one) {
    EXPECT_EXIT(coroutine({.name = "outer"}, [] { overflow({.name = "inner"}); }).enter(), ends_as_it_should,
                "weft: coroutine \"inner\" .*overflowed its stack");
}

#if !defined(WEFT_TSAN)  // it runs handlers with all signals blocked, and delivers signals that were sent when it likes
void handle(int number, void (*handler)(int)) {
#if defined(__riscv) && defined(WEFT_EMULATED)
    // qemu 7.2 takes the handler's mask from one word behind it. What the C library has there may block SIGSEGV.
    struct {
        void (*handler)(int);
        unsigned long flags, mask, behind;
    } action{handler, 0, 0, 0};
    syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof action.mask);
#else
    std::signal(number, handler);
#endif
}

void overflow_in_a_signal_handler() {
    handle(SIGUSR1, [](int) { weft_test_descend(0); });
    coroutine co({.name = "interrupted", .stack_size = small}, [] { std::raise(SIGUSR1); });
    co.enter();
}

TEST_F(overflow_death, inside_a_signal_handler_that_runs_on_the_stack) {
    EXPECT_EXIT(overflow_in_a_signal_handler(), ends_as_it_should,
                "weft: coroutine \"interrupted\" .* in " OVERFLOWING "\\+");
}

/// Goes down in steps that are smaller than a signal's frame, and has a signal delivered on each.
[[gnu::noinline]] int descend_with_signals(int depth) {
    char volatile frame[32];
    frame[0] = static_cast<char>(depth);
    std::raise(SIGUSR1);
    return without_end ? descend_with_signals(depth + 1) + frame[0] : depth;
}

void overflow_by_a_signal() {
    handle(SIGUSR1, [](int) {});
    coroutine co({.name = "interrupted", .stack_size = small}, [] { descend_with_signals(0); });
    co.enter();
}

TEST_F(overflow_death, of_a_stack_that_has_no_room_for_a_signals_frame) {
    EXPECT_EXIT(overflow_by_a_signal(), ends_as_it_should, "weft: coroutine \"interrupted\" .*overflowed its stack");
}
#endif

void overflow_with_a_signal_stack_of_ones_own() {
    static char mine[128 * 1024];
    stack_t own = {};
    own.ss_sp = mine;
    own.ss_size = sizeof(mine);
    sigaltstack(&own, nullptr);
    coroutine co([] {});
    co.enter();
    stack_t present;
    sigaltstack(nullptr, &present);
    if (present.ss_sp != mine) {
        _exit(1);
    }
    overflow();
}

TEST_F(overflow_death, is_reported_on_the_signal_stack_that_the_thread_had) {
    EXPECT_EXIT(overflow_with_a_signal_stack_of_ones_own(), ends_as_it_should, "weft: coroutine \"reader\"");
}

TEST(signal_stack, of_a_thread_goes_when_the_thread_ends) {
    char* memory = nullptr;
    std::thread([&] {
        stack_t present;
        sigaltstack(nullptr, &present);
        bool had_one = (present.ss_flags & SS_DISABLE) == 0;  // a sanitizer gives threads one
        coroutine co([] {});
        co.enter();
        sigaltstack(nullptr, &present);
        EXPECT_EQ(present.ss_flags & SS_DISABLE, 0);
        memory = had_one ? nullptr : static_cast<char*>(present.ss_sp);
    }).join();
    if (memory != nullptr) {
        unsigned char resident = 0;
        EXPECT_EQ(mincore(memory, 1, &resident), -1) << "it is still mapped";
    }
}

// ---- faults that are none of weft's ---------------------------------------------------------------------------------

void enter_a_coroutine() {
    coroutine co([] {});
    co.enter();
}

/// A page that no one can touch.
char* forbidden_page() {
    static auto* page =
        static_cast<char*>(mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    return page;
}

void fault() {
    *const_cast<char volatile*>(forbidden_page()) = 1;
}

void install(int signal, int flags, void (*handler)(int, siginfo_t*, void*), int also_blocked = 0) {
    struct sigaction action = {};
    action.sa_flags = flags | SA_SIGINFO;
    action.sa_sigaction = handler;
    sigemptyset(&action.sa_mask);
    if (also_blocked != 0) {
        sigaddset(&action.sa_mask, also_blocked);
    }
    sigaction(signal, &action, nullptr);
}

void say(char const* what) {
    (void)!write(STDERR_FILENO, what, std::strlen(what));
}

bool blocked(int signal) {
    sigset_t mask;
    sigprocmask(SIG_BLOCK, nullptr, &mask);
    return sigismember(&mask, signal) == 1;
}

/// Ends with 0 if it was called as the kernel would have called it, for fault().
void expects_the_fault(int signal, siginfo_t* info, void* context) {
    bool right =
        signal == SIGSEGV && info->si_signo == SIGSEGV && info->si_addr == forbidden_page() && context != nullptr;
#if !defined(WEFT_TSAN)  // it has masks of its own
    right = right && blocked(SIGSEGV) && blocked(SIGUSR2) && !blocked(SIGUSR1);
#endif
    _exit(right ? 0 : 1);
}

void fault_with_a_handler() {
    install(SIGSEGV, 0, expects_the_fault, SIGUSR2);
    enter_a_coroutine();
    fault();
}

TEST_F(overflow_death, is_not_any_other_fault_which_reaches_the_handler_that_was_there) {
    EXPECT_EXIT(fault_with_a_handler(), testing::ExitedWithCode(0), SAYS(""));
}

void fault_inside_a_coroutine_with_a_handler() {
    install(SIGSEGV, 0, expects_the_fault, SIGUSR2);
    coroutine co(fault);
    co.enter();
}

TEST_F(overflow_death, is_not_a_fault_elsewhere_of_a_coroutine) {
    EXPECT_EXIT(fault_inside_a_coroutine_with_a_handler(), testing::ExitedWithCode(0), SAYS(""));
}

void fault_and_mend() {
    install(SIGSEGV, 0, [](int, siginfo_t* info, void*) { mprotect(info->si_addr, 4096, PROT_READ | PROT_WRITE); });
    enter_a_coroutine();
    fault();
    _exit(*forbidden_page() == 1 && !blocked(SIGSEGV) ? 0 : 1);
}

TEST_F(overflow_death, is_not_a_fault_that_the_handler_mends_and_the_program_goes_on) {
    EXPECT_EXIT(fault_and_mend(), testing::ExitedWithCode(0), SAYS(""));
}

sigjmp_buf before_the_fault;

void fault_and_jump() {
    std::signal(SIGSEGV, [](int) { siglongjmp(before_the_fault, 1); });
    enter_a_coroutine();
    int volatile faults = 0;
    (void)sigsetjmp(before_the_fault, 1);
    if (faults < 2) {
        faults = faults + 1;
        fault();
    }
    _exit(0);
}

TEST_F(overflow_death, is_not_a_fault_that_the_handler_jumps_out_of) {
    EXPECT_EXIT(fault_and_jump(), testing::ExitedWithCode(0), SAYS(""));
}

void fault_twice_with_a_handler_for_one() {
    install(SIGSEGV, SA_RESETHAND, [](int, siginfo_t*, void*) { say("once\n"); });
    enter_a_coroutine();
    fault();
}

TEST_F(overflow_death, leaves_a_handler_for_one_signal_one_signal) {
    EXPECT_EXIT(fault_twice_with_a_handler_for_one(), testing::KilledBySignal(SIGSEGV), SAYS("once\n"));
}

void fault_inside_the_handler() {
    install(SIGSEGV, SA_NODEFER, [](int, siginfo_t*, void*) {
        static int depth = 0;
        if (++depth == 3) {
            _exit(blocked(SIGSEGV) ? 1 : 0);
        }
        fault();
    });
    enter_a_coroutine();
    fault();
}

TEST_F(overflow_death, lets_a_handler_that_does_not_defer_be_interrupted_by_its_own_signal) {
    EXPECT_EXIT(fault_inside_the_handler(), testing::ExitedWithCode(0), SAYS(""));
}

void fault_while_ignored(bool sent) {
    std::signal(SIGSEGV, SIG_IGN);
    enter_a_coroutine();
    if (sent) {
        std::raise(SIGSEGV);
        say("ignored\n");
        _exit(0);
    }
    fault();
}

TEST_F(overflow_death, leaves_a_signal_that_was_sent_ignored) {
    EXPECT_EXIT(fault_while_ignored(true), testing::ExitedWithCode(0), SAYS("ignored\n"));
}

TEST_F(overflow_death, lets_a_fault_end_a_program_that_ignores_the_signal) {
    EXPECT_EXIT(fault_while_ignored(false), testing::KilledBySignal(SIGSEGV), SAYS(""));
}

void fault_without_a_handler(bool sent, int signal) {
    std::signal(signal, SIG_DFL);  // a sanitizer has a handler of its own
    enter_a_coroutine();
    if (sent) {
        std::raise(signal);
    } else {
        fault();
    }
}

TEST_F(overflow_death, lets_a_fault_end_a_program_that_has_no_handler) {
    EXPECT_EXIT(fault_without_a_handler(false, SIGSEGV), testing::KilledBySignal(SIGSEGV), SAYS(""));
}

TEST_F(overflow_death, lets_a_signal_that_was_sent_end_a_program_that_has_no_handler) {
    EXPECT_EXIT(fault_without_a_handler(true, SIGSEGV), testing::KilledBySignal(SIGSEGV), SAYS(""));
    EXPECT_EXIT(fault_without_a_handler(true, SIGBUS), testing::KilledBySignal(SIGBUS), SAYS(""));
}

void write_into_the_guard_of_another() {
    std::signal(SIGSEGV, SIG_DFL);
    enter_a_coroutine();
    weft::stack other = weft::allocate_stack();
    use(other.low);
    other.low[-1] = 1;
}

TEST_F(overflow_death, is_not_a_stray_write_into_a_guard) {
    EXPECT_EXIT(write_into_the_guard_of_another(), testing::KilledBySignal(SIGSEGV), SAYS(""));
}

// ---- programs with handlers of their own ----------------------------------------------------------------------------

void overflow_with_a_later_handler() {
    enter_a_coroutine();
    install(SIGSEGV, SA_ONSTACK,
            [](int, siginfo_t* info, void* context) { _exit(weft::report_overflow(*info, context) ? 3 : 1); });
    overflow();
}

TEST_F(overflow_death, can_be_reported_by_a_handler_that_was_installed_later) {
    EXPECT_EXIT(overflow_with_a_later_handler(), testing::ExitedWithCode(3), "weft: coroutine \"reader\" .*overflow");
}

void overflow_left_alone() {
    std::signal(SIGSEGV, SIG_DFL);
    if (!weft::leave_faults_alone() || !weft::leave_faults_alone()) {
        _exit(1);
    }
    overflow();
}

TEST_F(overflow_death, is_not_reported_where_weft_was_told_to_leave_faults_alone) {
    EXPECT_EXIT(overflow_left_alone(), testing::KilledBySignal(SIGSEGV), SAYS(""));
}

TEST(leave_faults_alone, says_when_it_comes_too_late) {
    enter_a_coroutine();
    EXPECT_FALSE(weft::leave_faults_alone());
}

}  // namespace
