// Deadlines and stop_tokens, of coroutines and of plain threads.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/semaphore.hpp>
#include <weft/shield.hpp>
#include <weft/task.hpp>
#include <weft/wait_queue.hpp>

#include <functional>
#include <future>
#include <thread>

namespace {

using namespace std::chrono_literals;
using weft::clock;

constexpr auto soon = 1ms;
constexpr auto never = 1h;

/// The code of the std::system_error that f() throws; none if it throws nothing.
std::error_code error_of(std::function<void()> const& f) {
    try {
        f();
    } catch (std::system_error const& e) {
        return e.code();
    }
    return {};
}

/// Each of these waits for ever.
struct never_ready {
    weft::wait_queue queue;
    weft::semaphore empty{1};
    never_ready() { empty.acquire(); }
    ~never_ready() { empty.release(); }

    std::vector<std::function<void()>> waits() {
        return {[this] { queue.wait(); }, [this] { empty.acquire(); }};
    }
};

/// Runs f() as a task, in a thread without a loop, and in a thread that has one.
void in_all_worlds(std::function<void()> const& f) {
    {
        SCOPED_TRACE("task");
        weft::run([&] { f(); });
    }
    {
        SCOPED_TRACE("thread");
        std::thread(f).join();
    }
    SCOPED_TRACE("thread with a loop");
    std::thread([&] {
        weft::loop mine;
        f();
    }).join();
}

TEST(limit, a_deadline_ends_a_wait_and_not_too_early) {
    in_all_worlds([] {
        never_ready things;
        for (auto const& wait : things.waits()) {
            auto begin = clock::now();
            EXPECT_EQ(error_of([&] { weft::with_limit(soon, wait); }), std::errc::timed_out);
            EXPECT_GE(clock::now() - begin, soon);
        }
    });
}

TEST(limit, a_deadline_that_has_passed_ends_the_wait_at_once) {
    in_all_worlds([] {
        never_ready things;
        for (auto const& wait : things.waits()) {
            EXPECT_EQ(error_of([&] { weft::with_limit(clock::now() - never, wait); }), std::errc::timed_out);
        }
    });
}

TEST(limit, what_can_be_had_is_had_even_after_the_deadline) {
    in_all_worlds([] {
        weft::semaphore one(1);
        weft::with_limit(clock::now() - never, [&] { one.acquire(); });
        EXPECT_EQ(one.available(), 0);
        one.release();
    });
}

TEST(limit, passes_with_its_scope) {
    in_all_worlds([] {
        never_ready things;
        for (auto const& wait : things.waits()) {
            EXPECT_EQ(error_of([&] { weft::with_limit(soon, wait); }), std::errc::timed_out);
            // The next wait is not touched by it.
            EXPECT_EQ(error_of([&] { weft::with_limit(soon, wait); }), std::errc::timed_out);
        }
    });
}

TEST(limit, holds_for_every_wait_inside) {
    in_all_worlds([] {
        never_ready things;
        weft::limited both(soon);
        for (auto const& wait : things.waits()) {
            EXPECT_EQ(error_of(wait), std::errc::timed_out);
        }
        EXPECT_TRUE(both.met());
    });
}

TEST(limit, the_tightest_wins_whichever_is_inside) {
    in_all_worlds([] {
        never_ready things;
        auto wait = things.waits().front();
        {
            weft::limited outer(soon);
            weft::limited inner(never);
            EXPECT_EQ(error_of(wait), std::errc::timed_out);
            EXPECT_TRUE(outer.met());
            EXPECT_FALSE(inner.met());
        }
        {
            weft::limited outer(never);
            {
                weft::limited inner(soon);
                EXPECT_EQ(error_of(wait), std::errc::timed_out);
                EXPECT_TRUE(inner.met());
            }
            EXPECT_FALSE(outer.met());
            EXPECT_EQ(error_of([&] { weft::with_limit(soon, wait); }), std::errc::timed_out);
        }
    });
}

TEST(limit, an_outer_one_that_was_met_goes_on_when_the_inner_one_has_gone) {
    in_all_worlds([] {
        never_ready things;
        auto wait = things.waits().front();
        weft::limited outer(soon);
        {
            weft::limited inner(soon);
            EXPECT_EQ(error_of(wait), std::errc::timed_out);
        }
        EXPECT_EQ(error_of(wait), std::errc::timed_out);
        EXPECT_TRUE(outer.met());
    });
}

TEST(limit, a_stop_requested_before_the_wait_ends_it) {
    in_all_worlds([] {
        never_ready things;
        std::stop_source source;
        source.request_stop();
        for (auto const& wait : things.waits()) {
            EXPECT_EQ(error_of([&] { weft::with_limit(source.get_token(), wait); }), std::errc::operation_canceled);
        }
    });
}

TEST(limit, a_stop_requested_by_another_thread_ends_the_wait) {
    in_all_worlds([] {
        never_ready things;
        std::stop_source source;
        std::thread asks([&] {
            while (things.queue.empty()) {
                std::this_thread::yield();
            }
            source.request_stop();
        });
        EXPECT_EQ(error_of([&] { weft::with_limit(source.get_token(), [&] { things.queue.wait(); }); }),
                  std::errc::operation_canceled);
        asks.join();
    });
}

TEST(limit, a_stop_requested_by_another_task_ends_the_wait) {
    weft::run([] {
        never_ready things;
        std::stop_source source;
        auto waits = weft::spawn(
            [&] { return error_of([&] { weft::with_limit(source.get_token(), [&] { things.queue.wait(); }); }); });
        while (things.queue.empty()) {
            weft::yield();
        }
        source.request_stop();
        EXPECT_EQ(waits.join(), std::errc::operation_canceled);
    });
}

TEST(limit, a_stop_requested_while_the_scope_is_left_harms_nobody) {
    weft::run([] {
        for (int i = 0; i < 2000; ++i) {
            std::stop_source source;
            std::atomic<bool> go{false};
            std::thread asks([&] {
                while (!go) {
                }
                source.request_stop();
            });
            {
                weft::limited l(source.get_token());
                go = true;
            }
            asks.join();
        }
        weft::sleep_for(soon);  // not ended by any of them
    });
}

TEST(limit, a_deadline_and_a_stop_together) {
    in_all_worlds([] {
        never_ready things;
        auto wait = things.waits().front();
        std::stop_source source;
        weft::limit both(clock::now() + soon, source.get_token());
        EXPECT_EQ(error_of([&] { weft::with_limit(both, wait); }), std::errc::timed_out);
        source.request_stop();
        weft::limit again(clock::now() + never, source.get_token());
        EXPECT_EQ(error_of([&] { weft::with_limit(again, wait); }), std::errc::operation_canceled);
    });
}

TEST(limit, does_not_reach_what_is_shielded) {
    in_all_worlds([] {
        never_ready things;
        auto wait = things.waits().front();
        weft::limited l(clock::now() - never);
        {
            weft::shield guard;
            std::thread wakes([&] {
                while (!things.queue.wake_one()) {
                    std::this_thread::yield();
                }
            });
            EXPECT_EQ(error_of(wait), std::error_code());
            wakes.join();
        }
        EXPECT_EQ(error_of(wait), std::errc::timed_out);
    });
}

TEST(limit, cancelling_the_task_outlasts_it) {
    weft::run([] {
        never_ready things;
        auto wait = things.waits().front();
        auto cancelled = weft::spawn([&] {
            EXPECT_EQ(error_of([&] { weft::with_limit(never, wait); }), std::errc::operation_canceled);
            EXPECT_EQ(error_of(wait), std::errc::operation_canceled);
            EXPECT_EQ(error_of([&] { weft::with_limit(soon, wait); }), std::errc::operation_canceled);
        });
        weft::yield();
        cancelled.cancel();
        cancelled.join();
    });
}

TEST(limit, a_lock_that_was_waited_for_too_long_is_not_held) {
    in_all_worlds([] {
        weft::mutex m;
        std::promise<void> held;
        std::promise<void> over;
        std::thread holder([&] {
            std::scoped_lock lock(m);
            held.set_value();
            over.get_future().wait();
        });
        held.get_future().wait();
        EXPECT_EQ(error_of([&] { weft::with_limit(soon, [&] { m.lock(); }); }), std::errc::timed_out);
        EXPECT_FALSE(m.owned());
        over.set_value();
        holder.join();
        m.lock();
        m.unlock();
    });
}

TEST(limit, a_loop_made_meanwhile_takes_over_the_watch) {
    std::thread([] {
        weft::limited l(soon);
        EXPECT_EQ(error_of([] { weft::sleep_for(never); }), std::errc::timed_out);
    }).join();
}

TEST(limit_death, a_coroutine_without_a_loop) {
    weft::coroutine by_hand([] { weft::limited l(never); });
    EXPECT_DEATH(by_hand.enter(), "limit_test.cpp:[0-9]+: coroutine .* was given a limit, but no loop runs it");
}

}  // namespace
