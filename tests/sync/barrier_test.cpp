#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/barrier.hpp>
#include <weft/limit.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

TEST(barrier, nobody_goes_on_before_all_have_arrived) {
    weft::run([] {
        constexpr int count = 5, phases = 10;
        int arrived = 0, completed = 0;
        weft::barrier all(count, [&] {
            ++completed;
            EXPECT_EQ(arrived, completed * count);
        });
        weft::scope coroutines;
        for (int i = 0; i < count; ++i) {
            coroutines.spawn([&] {
                for (int phase = 0; phase < phases; ++phase) {
                    EXPECT_EQ(completed, phase);
                    ++arrived;
                    all.arrive_and_wait();
                }
            });
        }
        coroutines.join();
        EXPECT_EQ(completed, phases);
    });
}

TEST(barrier, expects_one_fewer_after_a_drop) {
    weft::run([] {
        weft::barrier all(3);
        int passed = 0;
        weft::scope coroutines;
        for (int i = 0; i < 2; ++i) {
            coroutines.spawn([&] {
                all.arrive_and_wait();
                ++passed;
                all.arrive_and_wait();
                ++passed;
            });
        }
        weft::yield();
        EXPECT_EQ(passed, 0);
        all.arrive_and_drop();
        coroutines.join();
        EXPECT_EQ(passed, 4);
    });
}

TEST(barrier, one_that_gave_up_has_not_arrived) {
    weft::run([] {
        weft::barrier all(2);
        EXPECT_FALSE(weft::within(1ms, [&] { all.arrive_and_wait(); }));
        bool passed = false;
        auto t = weft::spawn([&] {
            all.arrive_and_wait();
            passed = true;
        });
        weft::yield();
        EXPECT_FALSE(passed);
        all.arrive_and_wait();
        t.join();
        EXPECT_TRUE(passed);
    });
}

TEST(barrier, lets_all_go_on_when_the_completion_throws) {
    weft::run([] {
        weft::barrier all(2, [] { throw std::runtime_error("completion"); });
        bool passed = false;
        auto t = weft::spawn([&] {
            all.arrive_and_wait();
            passed = true;
        });
        weft::yield();
        EXPECT_THROW(all.arrive_and_wait(), std::runtime_error);
        t.join();
        EXPECT_TRUE(passed);
    });
}

TEST(barrier, keeps_threads_and_coroutines_in_step) {
    constexpr int threads = 3, phases = 500;
    std::atomic<int> sum{0};
    weft::barrier all(threads, [&] { EXPECT_EQ(sum.load() % threads, 0); });
    auto work = [&] {
        for (int i = 0; i < phases; ++i) {
            ++sum;
            all.arrive_and_wait();
        }
    };
    std::vector<std::jthread> team;
    for (int t = 0; t < threads - 1; ++t) {
        team.emplace_back(work);
    }
    weft::run(work);
    team.clear();
    EXPECT_EQ(sum, threads * phases);
}

TEST(barrier_death, destroyed_while_somebody_waits) {
    EXPECT_DEATH(weft::run([] {
                     std::optional<weft::barrier<>> all(2);
                     auto t = weft::spawn([&] { all->arrive_and_wait(); });
                     weft::yield();
                     all.reset();
                 }),
                 "weft: a weft::barrier was destroyed while somebody waits for it");
}

}  // namespace
