// Misuse ends the program with a sentence. These read all of it: who, and both places.

#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <weft/coroutine.hpp>
#include <weft/detail/coroutine/park.hpp>

namespace {

using weft::call_site;
using weft::coroutine;
using weft::handle;

call_site at(unsigned line) {
    return {"server.cpp", line};
}

/// Waits for a wake-up at server.cpp:44; `kept` holds the handle.
coroutine one_that_waits(handle& kept) {
    coroutine co(
        {.name = "reader"}, [&kept] { weft::suspend([&kept](handle h) { kept = std::move(h); }, at(44)); }, at(30));
    co.enter(at(41));
    return co;
}

void enter_one_that_runs() {
    coroutine co;
    co = coroutine(
        {.name = "reader"}, [&] { co.enter(at(52)); }, at(30));
    co.enter(at(41));
}

TEST(coroutine_death, entering_a_running_one_reads_as_the_header_says) {
    EXPECT_DEATH(
        enter_one_that_runs(),
        "^weft: server.cpp:52: coroutine \"reader\" \\(id [0-9]+, created at server.cpp:30\\) entered while it "
        "is already running; it was entered at server.cpp:41\n");
}

void enter_one_that_has_entered_another() {
    coroutine outer;
    coroutine inner([&] { outer.enter(at(53)); });
    outer = coroutine(
        {.name = "outer"}, [&] { inner.enter(at(42)); }, at(30));
    outer.enter(at(41));
}

TEST(coroutine_death, entering_one_that_has_entered_another_names_the_one_that_was_entered_twice) {
    EXPECT_DEATH(enter_one_that_has_entered_another(),
                 "weft: server.cpp:53: coroutine \"outer\" .*entered while it is already running; it was entered at "
                 "server.cpp:41\n");
}

void enter_one_that_has_ended() {
    coroutine co(
        {.name = "reader"}, [] {}, at(30));
    co.enter(at(41));
    co.enter(at(52));
}

TEST(coroutine_death, entering_one_that_has_ended) {
    EXPECT_DEATH(enter_one_that_has_ended(),
                 "weft: server.cpp:52: coroutine \"reader\" \\(id [0-9]+, created at server.cpp:30\\) entered after it "
                 "has ended; it was last entered at server.cpp:41\n");
}

void enter_one_that_has_thrown() {
    coroutine co(
        {.name = "reader"}, [] { throw std::runtime_error("its end"); }, at(30));
    try {
        co.enter(at(41));
    } catch (std::runtime_error const&) {
    }
    co.enter(at(52));
}

TEST(coroutine_death, entering_one_that_ended_by_an_exception) {
    EXPECT_DEATH(enter_one_that_has_thrown(), "server.cpp:52: .*entered after it has ended; .*at server.cpp:41\n");
}

void enter_one_that_waits() {
    handle kept;
    coroutine co = one_that_waits(kept);
    co.enter(at(52));
}

TEST(coroutine_death, entering_one_that_waits) {
    EXPECT_DEATH(enter_one_that_waits(),
                 "weft: server.cpp:52: coroutine \"reader\" \\(id [0-9]+, created at server.cpp:30\\) entered while it "
                 "waits for a wake-up at server.cpp:44\n");
}

TEST(coroutine_death, entering_an_empty_one_names_the_caller) {
    EXPECT_DEATH(coroutine().enter(at(52)), "weft: server.cpp:52: enter\\(\\) called on an empty weft::coroutine");
}

void enter_one_that_was_moved_from() {
    coroutine co([] {});
    coroutine elsewhere = std::move(co);
    co.enter(at(52));
}

TEST(coroutine_death, entering_one_that_was_moved_from) {
    EXPECT_DEATH(enter_one_that_was_moved_from(), "weft: server.cpp:52: enter\\(\\) called on an empty .*moved from");
}

TEST(coroutine_death, yielding_outside_names_the_caller) {
    EXPECT_DEATH(weft::yield(at(52)), "weft: server.cpp:52: yield\\(\\) called outside a coroutine\n");
}

TEST(coroutine_death, suspending_outside_names_the_caller) {
    EXPECT_DEATH(weft::suspend([](handle) {}, at(52)),
                 "weft: server.cpp:52: suspend\\(\\) called outside a coroutine\n");
}

TEST(coroutine_death, self_outside_names_the_caller) {
    EXPECT_DEATH((void)weft::self(at(52)), "weft: server.cpp:52: self\\(\\) called outside a coroutine\n");
}

void yield_after_the_last_one_left() {
    coroutine co([] { weft::yield(); });
    co.enter();
    weft::yield(at(52));
}

TEST(coroutine_death, yielding_outside_after_a_coroutine_has_yielded) {
    EXPECT_DEATH(yield_after_the_last_one_left(), "weft: server.cpp:52: yield\\(\\) called outside a coroutine\n");
}

void yield_where_suspend_calls() {
    coroutine co([] { weft::suspend([](handle) { weft::yield(at(52)); }); });
    co.enter();
}

TEST(coroutine_death, yielding_in_the_function_given_to_suspend_is_outside) {
    EXPECT_DEATH(yield_where_suspend_calls(), "weft: server.cpp:52: yield\\(\\) called outside a coroutine\n");
}

void destroy_one_that_runs() {
    coroutine co;
    co = coroutine(
        {.name = "reader"}, [&] { coroutine gone = std::move(co); }, at(30));
    co.enter(at(41));
}

TEST(coroutine_death, destroying_one_that_runs) {
    EXPECT_DEATH(destroy_one_that_runs(),
                 "weft: coroutine \"reader\" \\(id [0-9]+, created at server.cpp:30\\) destroyed while it is already "
                 "running; it was entered at server.cpp:41\n");
}

void destroy_one_that_waits() {
    handle kept;
    coroutine co = one_that_waits(kept);
}

TEST(coroutine_death, destroying_one_that_waits) {
    EXPECT_DEATH(destroy_one_that_waits(),
                 "weft: coroutine \"reader\" \\(id [0-9]+, created at server.cpp:30\\) destroyed while it waits for a "
                 "wake-up at server.cpp:44\n");
}

/// Of a name that the linker shows to others, and so to the message.
}  // namespace
extern "C" [[gnu::noinline]] void swallow_the_unwinding_for_ever() {
    for (;;) {
        try {
            weft::yield(at(47));
        } catch (...) {
        }
    }
}
namespace {

void destroy_one_that_swallows_the_unwinding() {
    coroutine co(
        {.name = "reader"}, [] { swallow_the_unwinding_for_ever(); }, at(30));
    co.enter(at(41));
}

TEST(coroutine_death, swallowing_the_unwinding_for_ever) {
    std::string said =
        "weft: server.cpp:47: coroutine \"reader\" \\(id [0-9]+, created at server.cpp:30\\) suspended while it "
        "was being destroyed: it waits for a wake-up there, or a catch \\(\\.\\.\\.\\) in a loop never throws "
        "weft::unwinding on; the last such handler is at 0x[0-9a-f]+ in ";
    // Windows names no functions, and an optimised handler may be in a part of its function that has no name.
#if !defined(_WIN32) && !defined(__OPTIMIZE__)
    said += ".*swallow_the_unwinding_for_ever";
#endif
    EXPECT_DEATH(destroy_one_that_swallows_the_unwinding(), said);
}

void swallow_the_unwinding_and_wait() {
    coroutine co({.name = "reader"}, [] {
        try {
            weft::yield();
        } catch (...) {
        }
        weft::suspend([](handle) {}, at(48));
    });
    co.enter();
}

TEST(coroutine_death, waiting_after_the_unwinding_was_swallowed) {
    EXPECT_DEATH(swallow_the_unwinding_and_wait(), "weft: server.cpp:48: coroutine \"reader\" .*being destroyed");
}

void yield_in_a_destructor_while_destroyed() {
    struct yields {
        ~yields() { weft::yield(at(49)); }
    };
    coroutine co({.name = "reader"}, [] {
        yields y;
        weft::yield();
    });
    co.enter();
}

TEST(coroutine_death, a_destructor_that_yields_while_the_coroutine_is_destroyed) {
    EXPECT_DEATH(
        yield_in_a_destructor_while_destroyed(),
        "weft: server.cpp:49: coroutine \"reader\" .*destroyed while it was suspended in a destructor or another "
        "noexcept function, which weft::unwinding can't leave\n");
}

TEST(coroutine_death, waking_with_a_handle_that_never_had_one) {
    EXPECT_DEATH(handle().wake(),
                 "misuse_test.cpp:[0-9]+: wake\\(\\) called on a handle that has no coroutine: it never had one");
}

void wake_twice() {
    handle kept;
    coroutine co = one_that_waits(kept);
    kept.wake(at(7));
    handle moved(std::move(kept));
    moved.wake(at(8));
}

TEST(coroutine_death, waking_twice_with_one_handle_names_both_places) {
    EXPECT_DEATH(wake_twice(),
                 "server.cpp:8: wake\\(\\) called on a handle that has woken its coroutine already, at server.cpp:7");
}

void wake_through_two_handles() {
    handle kept;
    coroutine co(
        {.name = "reader"}, [&kept] { weft::suspend([&kept](handle h) { kept = std::move(h); }); }, at(30));
    co.enter();
    handle moved = std::move(kept);
    moved.wake();
    kept.wake();
}

TEST(coroutine_death, waking_with_a_handle_that_was_moved_from) {
    EXPECT_DEATH(wake_through_two_handles(), "misuse_test.cpp:[0-9]+: wake\\(\\) called on a handle");
}

void drop_the_handle_at_once() {
    coroutine co(
        {.name = "reader"}, [] { weft::suspend([](handle) {}, at(44)); }, at(30));
    co.enter();
}

TEST(coroutine_death, dropping_the_handle_at_once) {
    EXPECT_DEATH(
        drop_the_handle_at_once(),
        "^weft: server.cpp:44: coroutine \"reader\" \\(id [0-9]+, created at server.cpp:30\\) waits for a wake-up "
        "that can't come: the handle of its suspend\\(\\) was destroyed without wake\\(\\)\n");
}

void drop_the_handle_on_another_thread() {
    handle kept;
    coroutine co = one_that_waits(kept);
    std::thread([dropped = std::move(kept)] {}).join();
}

TEST(coroutine_death, dropping_the_handle_on_another_thread) {
    EXPECT_DEATH(drop_the_handle_on_another_thread(), "weft: server.cpp:44: coroutine \"reader\" .* without wake");
}

void assign_to_a_handle_that_has_not_woken() {
    handle kept;
    coroutine co = one_that_waits(kept);
    kept = handle();
}

TEST(coroutine_death, assigning_to_a_handle_that_has_not_woken) {
    EXPECT_DEATH(assign_to_a_handle_that_has_not_woken(), "weft: server.cpp:44: coroutine \"reader\" .* without wake");
}

void exit_while_one_waits() {
    static handle kept;
    static auto const* never_destroyed = new coroutine(one_that_waits(kept));
    (void)never_destroyed;
    std::exit(7);
}

TEST(coroutine, may_wait_for_a_handle_that_goes_when_the_program_exits) {
    EXPECT_EXIT(exit_while_one_waits(), testing::ExitedWithCode(7), "^$");
}

void enter_one_without_a_name() {
    coroutine co([] {}, at(30));
    co.enter(at(41));
    co.enter(at(52));
}

TEST(coroutine_death, one_without_a_name_is_told_by_its_id_and_place) {
    EXPECT_DEATH(enter_one_without_a_name(),
                 "weft: server.cpp:52: coroutine \\(id [0-9]+, created at server.cpp:30\\) entered after it has ended");
}

void enter_one_that_renamed_itself() {
    coroutine co({.name = "reader"}, [] { weft::self().set_name("writer"); });
    co.enter();
    co.enter();
}

TEST(coroutine_death, one_that_renamed_itself_is_told_by_its_new_name) {
    EXPECT_DEATH(enter_one_that_renamed_itself(), "coroutine \"writer\" \\(id");
}

void enter_one_that_waits_for_a_wake_up_after_a_mutex() {
    handle kept;
    weft::detail::control_block* block = nullptr;
    struct wakes_at_once : weft::detail::park_action {
        weft::detail::control_block** block;
    } action;
    action.block = &block;
    action.run = [](weft::detail::park_action& a, weft::detail::control_block& parked) {
        *static_cast<wakes_at_once&>(a).block = &parked;
        weft::detail::wake(parked);
    };
    coroutine co([&] {
        auto& self = weft::detail::current_or_die("test", at(1));
        weft::detail::park(self, "a mutex", nullptr, at(43), &action);
        weft::suspend([&](handle h) { kept = std::move(h); }, at(44));
    });
    co.enter();
    co.enter();
    co.enter(at(52));
}

TEST(coroutine_death, an_earlier_wait_is_not_named_for_the_present_one) {
    EXPECT_DEATH(enter_one_that_waits_for_a_wake_up_after_a_mutex(), "waits for a wake-up at server.cpp:44\n");
}

void overflow_the_stack() {
    struct recursion {
        static int down(int volatile& limit, int depth) {
            char volatile frame[512];
            frame[0] = static_cast<char>(depth);
            return depth < limit ? down(limit, depth + 1) + frame[0] : 0;
        }
    };
    int volatile limit = 1'000'000;
    coroutine co({.name = "deep", .stack_size = 64 * 1024}, [&] { recursion::down(limit, 0); });
    co.enter();
    std::exit(0);  // not reached: the guard faults first
}

TEST(coroutine_death, running_over_the_end_of_the_stack) {
    EXPECT_DEATH(overflow_the_stack(), "");
}

}  // namespace
