#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/limit.hpp>
#include <weft/task.hpp>
#include <weft/wait_group.hpp>

namespace {

using namespace std::chrono_literals;

TEST(wait_group, waits_for_as_many_as_were_added) {
    weft::run([] {
        weft::wait_group g;
        g.wait();
        EXPECT_TRUE(g.try_wait());
        int done = 0;
        for (int i = 0; i < 10; ++i) {
            g.add();
            weft::spawn([&] {
                weft::yield();
                ++done;
                g.done();
            }).detach();
        }
        EXPECT_EQ(g.count(), 10);
        EXPECT_FALSE(g.try_wait());
        g.wait();
        EXPECT_EQ(done, 10);
    });
}

TEST(wait_group, does_not_wake_those_that_wait_while_more_was_added) {
    weft::run([] {
        weft::wait_group g(1);
        bool passed = false;
        auto t = weft::spawn([&] {
            g.wait();
            passed = true;
        });
        weft::yield();
        g.add(2);
        g.done(2);
        weft::yield();
        EXPECT_FALSE(passed);
        g.done();
        t.join();
        EXPECT_TRUE(passed);
    });
}

TEST(wait_group, can_be_used_again) {
    weft::run([] {
        weft::wait_group g;
        for (int round = 0; round < 3; ++round) {
            g.add(2);
            auto t = weft::spawn([&] { g.done(); });
            g.done();
            g.wait();
            t.join();
        }
        EXPECT_EQ(g.count(), 0);
    });
}

TEST(wait_group, one_that_gave_up_is_not_woken) {
    weft::run([] {
        weft::wait_group g(1);
        EXPECT_FALSE(weft::within(1ms, [&] { g.wait(); }));
        auto t = weft::spawn([&] { g.wait(); });
        weft::yield();
        t.cancel();
        EXPECT_THROW(t.join(), std::system_error);
        g.done();
        g.wait();
    });
}

TEST(wait_group, counts_exactly_between_threads) {
    constexpr int threads = 4, rounds = 500;
    for (int round = 0; round < rounds; ++round) {
        auto g = std::make_unique<weft::wait_group>(threads);
        std::atomic<int> done{0};
        std::vector<std::jthread> team;
        for (int t = 0; t < threads; ++t) {
            team.emplace_back([&, shared = g.get()] {
                done.fetch_add(1, std::memory_order_relaxed);
                shared->done();
            });
        }
        if (round % 2 == 0) {
            g->wait();
        } else {
            weft::run([&] { g->wait(); });
        }
        EXPECT_EQ(done.load(std::memory_order_relaxed), threads);
        g.reset();  // the last done() has let go of it
    }
}

TEST(latch, opens_once_and_stays_open) {
    weft::run([] {
        weft::latch l(3);
        std::vector<int> order;
        weft::scope coroutines;
        for (int i = 0; i < 2; ++i) {
            coroutines.spawn([&, i] {
                l.arrive_and_wait();
                order.push_back(i);
            });
        }
        weft::yield();
        EXPECT_FALSE(l.try_wait());
        EXPECT_TRUE(order.empty());
        l.count_down();
        coroutines.join();
        EXPECT_EQ(order, (std::vector{0, 1}));
        l.wait();
    });
}

TEST(wait_group_death, counting_below_zero) {
    weft::wait_group g(1);
    EXPECT_DEATH(g.done(2, {"server.cpp", 7}),
                 "weft: server.cpp:7: a weft::wait_group or latch counted down by 2 from 1");
    g.done();
}

TEST(wait_group_death, destroyed_while_somebody_waits) {
    EXPECT_DEATH(weft::run([] {
                     std::optional<weft::wait_group> g(1);
                     auto t = weft::spawn([&] { g->wait(); });
                     weft::yield();
                     g.reset();
                 }),
                 "weft: a weft::wait_group was destroyed while somebody waits for it");
}

}  // namespace
