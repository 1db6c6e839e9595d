#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/event.hpp>
#include <weft/limit.hpp>
#include <weft/task.hpp>

#include "../instrumented.hpp"

namespace {

using namespace std::chrono_literals;

constexpr int many = weft_test::how_many(10'000, 500);

using weft::event;

TEST(event, manual_lets_all_pass_in_order_and_stays_set) {
    weft::run([] {
        event e(event::manual);
        std::vector<int> order;
        weft::scope coroutines;
        for (int i = 0; i < 5; ++i) {
            coroutines.spawn([&, i] {
                e.wait();
                order.push_back(i);
            });
        }
        weft::yield();
        EXPECT_FALSE(e.try_wait());
        e.set();
        EXPECT_TRUE(order.empty());
        coroutines.join();
        EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
        e.wait();
        EXPECT_TRUE(e.try_wait());
        e.reset();
        EXPECT_FALSE(e.try_wait());
    });
}

TEST(event, automatic_lets_one_pass_for_each_set) {
    weft::run([] {
        event e(event::automatic);
        std::vector<int> order;
        weft::scope coroutines;
        for (int i = 0; i < 3; ++i) {
            coroutines.spawn([&, i] {
                e.wait();
                order.push_back(i);
            });
        }
        weft::yield();
        e.set();
        EXPECT_FALSE(e.try_wait()) << "it was handed to the first that waits";
        weft::yield();
        EXPECT_EQ(order, (std::vector{0}));
        e.set();
        e.set();
        coroutines.join();
        EXPECT_EQ(order, (std::vector{0, 1, 2}));
        e.set();
        e.set();
        EXPECT_TRUE(e.try_wait());
        EXPECT_FALSE(e.try_wait()) << "a set() while it is set is not counted";
    });
}

TEST(event, may_be_set_from_the_start) {
    event a(event::automatic, true), m(event::manual, true);
    a.wait();
    EXPECT_FALSE(a.try_wait());
    m.wait();
    m.wait();
}

TEST(event, one_that_was_cancelled_or_timed_out_takes_nothing) {
    weft::run([] {
        event e(event::automatic);
        weft::scope coroutines;
        bool passed = false;
        auto cancelled = weft::spawn([&] { e.wait(); });
        coroutines.spawn([&] { EXPECT_FALSE(weft::within(1ms, [&] { e.wait(); })); });
        coroutines.spawn([&] {
            e.wait();
            passed = true;
        });
        weft::yield();
        cancelled.cancel();
        EXPECT_THROW(cancelled.join(), std::system_error);
        weft::sleep_for(3ms);
        e.set();
        coroutines.join();
        EXPECT_TRUE(passed);
    });
}

TEST(event, passes_each_set_to_one_thread_or_coroutine) {
    constexpr int rounds = 2'000;
    event to(event::automatic), back(event::automatic);
    std::jthread other([&] {
        for (int i = 0; i < rounds; ++i) {
            to.wait();
            back.set();
        }
    });
    weft::run([&] {
        for (int i = 0; i < rounds; ++i) {
            to.set();
            back.wait();
        }
    });
    EXPECT_FALSE(to.try_wait());
    EXPECT_FALSE(back.try_wait());
}

TEST(event, may_be_destroyed_by_the_one_that_passed) {
    for (int i = 0; i < 2'000; ++i) {
        auto e = std::make_unique<event>(event::manual);
        std::jthread setter([shared = e.get()] { shared->set(); });
        e->wait();
        e.reset();
    }
}

TEST(event, lets_very_many_pass) {
    weft::run([] {
        event e(event::manual);
        int passed = 0;
        weft::scope coroutines;
        for (int i = 0; i < many; ++i) {
            coroutines.spawn(weft::coroutine_options{.stack_size = 32 * 1024}, [&] {
                e.wait();
                ++passed;
            });
        }
        weft::yield();
        e.set();
        coroutines.join();
        EXPECT_EQ(passed, many);
    });
}

TEST(event_death, destroyed_while_somebody_waits) {
    EXPECT_DEATH(weft::run([] {
                     std::optional<event> e(event::manual);
                     auto t = weft::spawn([&] { e->wait(); });
                     weft::yield();
                     e.reset();
                 }),
                 "weft: a weft::event was destroyed while somebody waits for it");
}

}  // namespace
