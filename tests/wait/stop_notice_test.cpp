// Asking whether to stop, and being told.

#include <gtest/gtest.h>
#include <weft/event.hpp>
#include <weft/limit.hpp>
#include <weft/offload.hpp>
#include <weft/shield.hpp>
#include <weft/stop_notice.hpp>
#include <weft/task.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <system_error>
#include <thread>

namespace {

using namespace std::chrono_literals;

/// Ends with `wait`, whose end is the stop that is tested.
void until_stopped(std::function<void()> const& wait) {
    EXPECT_THROW(wait(), std::system_error);
}

TEST(stop_notice, says_no_until_the_task_is_cancelled) {
    weft::run([] {
        weft::event never(weft::event::manual);
        bool before = true;
        bool after = false;
        std::stop_token token;
        weft::task<void> t = weft::spawn([&] {
            weft::stop_notice notice;
            token = notice.get_token();
            before = weft::stop_requested() || token.stop_requested();
            until_stopped([&] { never.wait(); });
            after = weft::stop_requested() && token.stop_requested();
        });
        weft::yield();
        EXPECT_FALSE(token.stop_requested());
        t.cancel();
        EXPECT_TRUE(token.stop_requested()) << "told at once, before the task goes on";
        t.join();
        EXPECT_FALSE(before);
        EXPECT_TRUE(after);
    });
}

TEST(stop_notice, that_is_made_too_late_is_told_at_once) {
    weft::run([] {
        weft::task<void> t = weft::spawn([] {
            until_stopped([] { weft::sleep_for(1h); });
            EXPECT_TRUE(weft::stop_notice().get_token().stop_requested());
        });
        weft::yield();
        t.cancel();
        t.join();
    });
}

TEST(stop_notice, knows_the_limits_around_it_and_not_those_inside) {
    weft::run([] {
        weft::event never(weft::event::manual);
        weft::with_limit(1ms, [&] {
            weft::stop_notice outside;
            std::stop_source stop;
            weft::within(stop.get_token(), [&] {
                weft::stop_notice inside;
                stop.request_stop();
                until_stopped([&] { never.wait(); });
                EXPECT_TRUE(inside.get_token().stop_requested());
                EXPECT_FALSE(outside.get_token().stop_requested());
            });
            until_stopped([&] { never.wait(); });
            EXPECT_TRUE(outside.get_token().stop_requested());
        });
        EXPECT_FALSE(weft::stop_requested());
        EXPECT_FALSE(weft::stop_notice().get_token().stop_requested());
    });
}

TEST(stop_notice, reaches_other_threads_while_the_caller_is_shielded) {
    weft::run([] {
        weft::event begun(weft::event::manual);
        weft::task<void> t = weft::spawn([&] {
            weft::stop_notice notice;
            weft::shield guard;
            weft::offload([&, token = notice.get_token()] {
                begun.set();
                while (!token.stop_requested()) {
                    std::this_thread::yield();
                }
            });
        });
        begun.wait();
        t.cancel();
        t.join();
    });
}

TEST(stop_notice, leaves_a_token_that_outlives_it) {
    weft::run([] {
        std::stop_token token;
        weft::task<void> t = weft::spawn([&] {
            {
                weft::stop_notice notice;
                token = notice.get_token();
            }
            until_stopped([] { weft::sleep_for(1h); });
        });
        weft::yield();
        t.cancel();
        t.join();
        EXPECT_FALSE(token.stop_requested()) << "nobody tells it any more";
    });
}

TEST(stop_notice, works_on_a_plain_thread) {
    std::jthread([] {
        std::stop_source stop;
        weft::limited limit(stop.get_token());
        weft::stop_notice notice;
        EXPECT_FALSE(weft::stop_requested());
        stop.request_stop();
        EXPECT_TRUE(weft::stop_requested());
        EXPECT_TRUE(notice.get_token().stop_requested());
    });
}

}  // namespace
