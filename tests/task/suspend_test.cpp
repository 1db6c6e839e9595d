// suspend(f) whose f says how to take back what it has begun: that wait can be ended early, as every other.

#include <gtest/gtest.h>

#include <chrono>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>
#include <weft/limit.hpp>
#include <weft/shield.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

/// Something that calls back, one at a time.
struct device {
    weft::handle waiting;
    int taken_back = 0;

    void wait() {
        weft::suspend([this](weft::handle h) {
            waiting = std::move(h);
            return [this] { return take_back(); };
        });
    }
    bool take_back() {
        ++taken_back;
        bool in_time = static_cast<bool>(waiting);
        waiting = {};
        return in_time;
    }
};

void expect_error(std::errc expected, auto wait) {
    try {
        wait();
        ADD_FAILURE() << "the wait was not ended";
    } catch (std::system_error const& e) {
        EXPECT_EQ(e.code(), expected);
    }
}

TEST(suspend, is_ended_when_its_task_is_cancelled) {
    weft::run([] {
        device d;
        auto task = weft::spawn([&] { expect_error(std::errc::operation_canceled, [&] { d.wait(); }); });
        weft::yield();
        task.cancel();
        task.join();
        EXPECT_EQ(d.taken_back, 1);
    });
}

TEST(suspend, is_ended_by_a_deadline_and_by_a_stop_token) {
    weft::run([] {
        device d;
        expect_error(std::errc::timed_out, [&] { weft::with_limit(1ms, [&] { d.wait(); }); });
        std::stop_source stop;
        auto stopper = weft::spawn([&] { stop.request_stop(); });
        expect_error(std::errc::operation_canceled, [&] { weft::with_limit(stop.get_token(), [&] { d.wait(); }); });
        EXPECT_EQ(d.taken_back, 2);
        stopper.join();
    });
}

TEST(suspend, does_not_begin_when_it_would_be_ended_at_once) {
    weft::run([] {
        device d;
        expect_error(std::errc::timed_out, [&] { weft::with_limit(0s, [&] { d.wait(); }); });
        EXPECT_EQ(d.taken_back, 0);
    });
}

TEST(suspend, that_was_woken_is_not_taken_back) {
    weft::run([] {
        device d;
        bool woken = false;
        auto task = weft::spawn([&] {
            d.wait();
            woken = true;
        });
        weft::yield();
        d.waiting.wake();
        task.cancel();
        task.join();
        EXPECT_TRUE(woken);
        EXPECT_EQ(d.taken_back, 0);
    });
}

TEST(suspend, that_can_t_be_taken_back_any_more_waits_for_its_wake_up) {
    weft::run([] {
        device d;
        auto task = weft::spawn([&] {
            weft::suspend([&](weft::handle h) {
                d.waiting = std::move(h);
                return [&] {
                    ++d.taken_back;
                    return false;
                };
            });
            expect_error(std::errc::operation_canceled, [] { weft::sleep_for(1h); });
        });
        weft::yield();
        task.cancel();
        weft::yield();
        EXPECT_FALSE(task.done());
        EXPECT_EQ(d.taken_back, 1);
        d.waiting.wake();
        task.join();
    });
}

TEST(suspend, that_is_cancelled_while_it_begins_is_taken_back) {
    weft::run([] {
        device d;
        weft::task<void> task;
        task = weft::spawn([&] {
            expect_error(std::errc::operation_canceled, [&] {
                weft::suspend([&](weft::handle h) {
                    d.waiting = std::move(h);
                    task.cancel();
                    return [&] { return d.take_back(); };
                });
            });
        });
        task.join();
        EXPECT_EQ(d.taken_back, 1);
    });
}

TEST(suspend, is_left_alone_where_waits_are_not_to_be_ended) {
    weft::run([] {
        device d;
        auto task = weft::spawn([&] {
            weft::shield guard;
            d.wait();
        });
        weft::yield();
        task.cancel();
        weft::yield();
        EXPECT_FALSE(task.done());
        d.waiting.wake();
        task.join();
        EXPECT_EQ(d.taken_back, 0);
    });
}

TEST(suspend, without_a_loop_goes_on_when_it_is_entered_again) {
    std::jthread([] {  // which has none
        device d;
        weft::coroutine co([&] { d.wait(); });
        co.enter();
        d.waiting.wake();
        co.enter();
        EXPECT_TRUE(co.done());
        EXPECT_EQ(d.taken_back, 0);
    })
        .join();
}

TEST(suspend_death, ends_the_program_when_taking_back_throws) {
    EXPECT_DEATH(weft::run([] {
                     weft::handle waiting;
                     auto task = weft::spawn([&] {
                         weft::suspend([&](weft::handle h) {
                             waiting = std::move(h);
                             return []() -> bool { throw std::runtime_error("no"); };
                         });
                     });
                     weft::yield();
                     task.cancel();
                 }),
                 "what was given to weft::suspend\\(\\) threw");
}

}  // namespace
