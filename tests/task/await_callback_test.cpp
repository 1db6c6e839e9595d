// Callback APIs as calls.

#include <gtest/gtest.h>

#include <functional>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/await_callback.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;
using weft::await_callback;
using weft::completion;

TEST(await_callback, returns_what_the_callback_was_given) {
    weft::run([] {
        std::function<void(std::string)> callback;
        auto t = weft::spawn(
            [&] { return await_callback<std::string>([&](completion<std::string> done) { callback = done; }); });
        weft::yield();
        EXPECT_FALSE(t.done());
        callback("answer");
        EXPECT_EQ(t.join(), "answer");
    });
}

TEST(await_callback, the_callback_may_come_before_start_returns) {
    weft::run([] { EXPECT_EQ(await_callback<int>([](completion<int> done) { done(4); }), 4); });
}

TEST(await_callback, the_callback_may_come_from_any_thread_at_any_moment) {
    weft::run([] {
        for (int i = 0; i < 1'000; ++i) {
            std::jthread api;
            int got = await_callback<int>([&](completion<int> done) { api = std::jthread([=] { done(i); }); });
            EXPECT_EQ(got, i);
        }
    });
}

TEST(await_callback, the_value_may_be_nothing_or_move_only) {
    weft::run([] {
        await_callback<void>([](completion<void> done) { done(); });
        auto p = await_callback<std::unique_ptr<int>>([](auto done) { done(std::make_unique<int>(6)); });
        EXPECT_EQ(*p, 6);
    });
}

TEST(await_callback, throws_the_exception_that_it_was_given) {
    weft::run([] {
        EXPECT_THROW(await_callback<int>(
                         [](completion<int> done) { done.fail(std::make_exception_ptr(std::out_of_range("far"))); }),
                     std::out_of_range);
    });
}

TEST(await_callback, throws_the_error_code_that_it_was_given) {
    weft::run([] {
        try {
            await_callback<int>(
                [](completion<int> done) { done.fail(std::make_error_code(std::errc::connection_reset)); });
            ADD_FAILURE() << "no error";
        } catch (std::system_error const& e) {
            EXPECT_EQ(e.code(), std::errc::connection_reset);
        }
    });
}

TEST(await_callback, throws_what_start_throws) {
    weft::run([] {
        EXPECT_THROW(await_callback<int>([](completion<int>) { throw std::logic_error("refused"); }), std::logic_error);
    });
}

TEST(await_callback, says_so_when_nobody_is_left_who_could_call) {
    weft::run([] {
        std::vector<completion<int>> copies;
        auto t = weft::spawn(
            [&] { return await_callback<int>([&](completion<int> const& done) { copies.assign(3, done); }); });
        weft::yield();
        copies.pop_back();
        copies.pop_back();
        weft::yield();
        EXPECT_FALSE(t.done());
        copies.clear();
        EXPECT_THROW(t.join(), std::future_error);
    });
}

TEST(await_callback, a_cancelled_wait_ends_and_a_later_call_is_dropped) {
    weft::run([] {
        std::vector<completion<std::shared_ptr<int>>> kept;
        auto t = weft::spawn(
            [&] { return await_callback<std::shared_ptr<int>>([&](auto done) { kept.push_back(std::move(done)); }); });
        weft::yield();
        t.cancel();
        EXPECT_THROW(t.join(), std::system_error);
        auto value = std::make_shared<int>(1);
        kept.front()(value);
        kept.clear();
        EXPECT_EQ(value.use_count(), 1);
    });
}

TEST(await_callback, does_not_start_what_would_be_ended_at_once) {
    weft::run([] {
        bool started = false;
        auto t = weft::spawn([&] { await_callback<void>([&](auto done) { started = true, done(); }); });
        t.cancel();
        EXPECT_THROW(t.join(), std::system_error);
        EXPECT_FALSE(started);
    });
}

TEST(await_callback, outside_a_coroutine_runs_the_loop_until_the_call) {
    std::function<void(int)> callback;
    auto t = weft::spawn([&] {
        while (!callback) {
            weft::yield();
        }
        callback(5);
    });
    EXPECT_EQ(await_callback<int>([&](completion<int> done) { callback = done; }), 5);
    t.join();
}

TEST(await_callback, in_a_thread_without_a_loop_blocks_it) {
    std::jthread([] {
        std::jthread api;
        EXPECT_EQ(await_callback<int>([&](completion<int> done) { api = std::jthread([=] { done(8); }); }), 8);
    }).join();
}

TEST(await_callback_death, a_completion_is_called_twice) {
    EXPECT_DEATH(weft::run([] {
                     await_callback<int>([](completion<int> done) {
                         done(1);
                         done(2);
                     });
                 }),
                 "await_callback_test.cpp:[0-9]+: a weft::completion was called that had ended its wait before");
}

}  // namespace
