// A thread that is ended inside a call whose result others wait for: they would wait for ever.

#include <gtest/gtest.h>
#include <pthread.h>

#include <thread>
#include <weft/await.hpp>
#include <weft/await_callback.hpp>
#include <weft/offload.hpp>
#include <weft/runtime.hpp>
#include <weft/task.hpp>

// ThreadSanitizer takes the thread's end on another stack for the end of a coroutine of its own.
#if !defined(__SANITIZE_THREAD__)

namespace {

constexpr char const* outside =
    "^weft: a call whose result is waited for ends its thread \\(pthread_exit, pthread_cancel\\), and so would never "
    "be "
    "over\n";
constexpr char const* inside =
    "^weft: coroutine .* ends its thread \\(pthread_exit, pthread_cancel\\), and so whoever entered it too";

void end_thread() {
    pthread_exit(nullptr);
}

/// What the awaitable gives ends the thread, after or without a suspension.
struct ends_thread {
    bool ready;
    [[nodiscard]] bool await_ready() const { return ready; }
    static void await_suspend(std::coroutine_handle<> h) {
        std::thread([h] { h.resume(); }).detach();
    }
    static void await_resume() { end_thread(); }
};

TEST(thread_end_death, in_an_offloaded_call_is_named) {
    EXPECT_DEATH(weft::run([] { weft::offload(&end_thread); }), outside);
}

TEST(thread_end_death, in_a_call_of_a_completion_is_named) {
    auto on_another_thread = [](weft::completion<void> const& done) {
        std::thread([done] { done.with_result_of(&end_thread); }).detach();
    };
    EXPECT_DEATH(weft::await_callback<void>(on_another_thread), outside);
}

TEST(thread_end_death, in_a_completion_that_a_coroutine_calls_is_named) {
    EXPECT_DEATH(
        weft::run([] {
            weft::await_callback<void>([](weft::completion<void> const& done) { done.with_result_of(&end_thread); });
        }),
        inside);
}

TEST(thread_end_death, in_an_awaitable_is_named) {
    EXPECT_DEATH(weft::run([] { weft::await(ends_thread{.ready = true}); }), inside);
    EXPECT_DEATH(weft::run([] { weft::await(ends_thread{.ready = false}); }), "^weft: an awaitable ends its thread");
}

TEST(thread_end_death, in_a_task_of_a_runtime_is_named) {
    EXPECT_DEATH(weft::runtime({.threads = 1}).run(&end_thread), inside);
}

TEST(thread_end_death, of_a_runtime_is_named) {
    auto end_a_thread = [] {
        weft::runtime threads({.threads = 1});
        threads.at(0).post(&end_thread);
        threads.run([] {});
    };
    EXPECT_DEATH(end_a_thread(), "^weft: a loop of a weft::runtime ends its thread");
}

TEST(thread_end_death, in_what_is_given_to_suspend_is_named) {
    weft::handle kept;
    auto end_it_while_parked = [&](weft::handle h) {
        kept = std::move(h);
        end_thread();
    };
    EXPECT_DEATH(weft::run([&] { weft::suspend(end_it_while_parked); }),
                 "^weft: what was given to weft::suspend\\(\\) ends its thread");
}

}  // namespace

#endif
