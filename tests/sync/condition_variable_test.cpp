#include <gtest/gtest.h>

#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/condition_variable.hpp>
#include <weft/mutex.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

TEST(condition_variable, wakes_in_order_of_arrival) {
    weft::run([] {
        weft::mutex m;
        weft::condition_variable changed;
        std::vector<int> order;
        weft::scope coroutines;
        for (int i = 0; i < 3; ++i) {
            coroutines.spawn([&, i] {
                std::unique_lock lock(m);
                changed.wait(lock);
                EXPECT_TRUE(m.owned());
                order.push_back(i);
            });
        }
        weft::yield();
        changed.notify_one();
        weft::yield();
        EXPECT_EQ(order, (std::vector{0}));
        changed.notify_all();
        coroutines.join();
        EXPECT_EQ(order, (std::vector{0, 1, 2}));
    });
}

TEST(condition_variable, waits_until_the_condition_holds) {
    weft::run([] {
        weft::mutex m;
        weft::condition_variable changed;
        int value = 0;
        auto t = weft::spawn([&] {
            std::unique_lock lock(m);
            changed.wait(lock, [&] { return value == 3; });
            EXPECT_EQ(value, 3);
        });
        for (int i = 0; i < 3; ++i) {
            weft::yield();
            std::scoped_lock lock(m);
            ++value;
            changed.notify_all();
        }
        t.join();
    });
}

TEST(condition_variable, holds_the_lock_after_a_timeout_or_a_cancellation) {
    weft::run([] {
        weft::mutex m;
        weft::condition_variable changed;
        {
            std::unique_lock lock(m);
            EXPECT_EQ(changed.wait_for(lock, 1ms), std::cv_status::timeout);
            EXPECT_TRUE(m.owned());
            EXPECT_EQ(changed.wait_until(lock, weft::clock::now()), std::cv_status::timeout);
            EXPECT_FALSE(changed.wait_for(lock, 1ms, [] { return false; }));
            EXPECT_TRUE(changed.wait_until(lock, weft::clock::now(), [] { return true; }));
        }
        bool held = false;
        auto t = weft::spawn([&] {
            std::unique_lock lock(m);
            try {
                changed.wait(lock);
            } catch (std::system_error const& e) {
                EXPECT_EQ(e.code(), std::errc::operation_canceled);
                held = m.owned();
                throw;
            }
        });
        weft::yield();
        t.cancel();
        EXPECT_THROW(t.join(), std::system_error);
        EXPECT_TRUE(held);
    });
}

TEST(condition_variable, loses_nothing_between_threads_and_coroutines) {
    constexpr int items = 5'000;
    weft::mutex m;
    weft::condition_variable not_empty, not_full;
    std::deque<int> queue;
    auto produce = [&] {
        for (int i = 0; i < items; ++i) {
            std::unique_lock lock(m);
            not_full.wait(lock, [&] { return queue.size() < 4; });
            queue.push_back(i);
            not_empty.notify_one();
        }
    };
    auto consume = [&] {
        for (int i = 0; i < items; ++i) {
            std::unique_lock lock(m);
            not_empty.wait(lock, [&] { return !queue.empty(); });
            EXPECT_EQ(queue.front(), i);
            queue.pop_front();
            not_full.notify_one();
        }
    };
    std::jthread producer(produce);
    weft::run(consume);
}

}  // namespace
