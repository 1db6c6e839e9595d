#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/select.hpp>
#include <weft/semaphore.hpp>
#include <weft/task.hpp>

namespace {

TEST(semaphore, lets_in_no_more_than_it_has) {
    int inside = 0;
    int most = 0;
    weft::run([&] {
        weft::semaphore s(3);
        weft::scope coroutines;
        for (int i = 0; i < 20; ++i) {
            coroutines.spawn([&] {
                s.acquire();
                most = std::max(most, ++inside);
                weft::yield();
                --inside;
                s.release();
            });
        }
        coroutines.join();
        EXPECT_EQ(s.available(), 3);
    });
    EXPECT_EQ(most, 3);
}

TEST(semaphore, try_acquire_takes_what_is_there_and_no_more) {
    weft::semaphore s(5);
    EXPECT_TRUE(s.try_acquire(3));
    EXPECT_EQ(s.available(), 2);
    EXPECT_FALSE(s.try_acquire(3));
    EXPECT_TRUE(s.try_acquire(2));
    EXPECT_FALSE(s.try_acquire());
    s.release(5);
    EXPECT_EQ(s.available(), 5);
}

TEST(semaphore, small_requests_do_not_overtake_a_large_one) {
    std::vector<char> order;
    weft::run([&] {
        weft::semaphore s(4);
        s.acquire(4);
        weft::scope coroutines;
        coroutines.spawn([&] {
            s.acquire(4);
            order.push_back('L');
            s.release(4);
        });
        coroutines.spawn([&] {
            s.acquire(1);
            order.push_back('s');
            s.release(1);
        });
        weft::yield();
        for (int i = 0; i < 4; ++i) {
            EXPECT_FALSE(s.try_acquire());
            s.release(1);
            weft::yield();
        }
        coroutines.join();
    });
    EXPECT_EQ(order, (std::vector{'L', 's'}));
}

TEST(semaphore, one_release_serves_all_that_it_is_enough_for) {
    weft::run([] {
        weft::semaphore s(3);
        s.acquire(3);
        int served = 0;
        weft::scope coroutines;
        for (int i = 0; i < 3; ++i) {
            coroutines.spawn([&] {
                s.acquire();
                ++served;
            });
        }
        weft::yield();
        s.release(2);
        weft::yield();
        EXPECT_EQ(served, 2);
        s.release(1);
        coroutines.join();
        EXPECT_EQ(s.available(), 0);
    });
}

TEST(semaphore, the_end_of_a_large_waiter_lets_small_ones_go) {
    weft::run([] {
        weft::semaphore s(4);
        s.acquire(2);
        auto large = weft::spawn([&] { s.acquire(4); });
        auto small = weft::spawn([&] { s.acquire(1); });
        weft::yield();
        EXPECT_FALSE(small.done());
        large.cancel();
        small.join();
        EXPECT_THROW(large.join(), std::system_error);
        EXPECT_EQ(s.available(), 1);
    });
}

TEST(semaphore, a_cancelled_waiter_has_taken_nothing) {
    weft::run([] {
        weft::semaphore s(2);
        s.acquire(1);
        auto waiter = weft::spawn([&] { s.acquire(2); });
        weft::yield();
        waiter.cancel();
        try {
            waiter.join();
            FAIL() << "the waiter went on";
        } catch (std::system_error const& e) {
            EXPECT_EQ(e.code(), std::errc::operation_canceled);
        }
        EXPECT_EQ(s.available(), 1);
        EXPECT_TRUE(s.try_acquire());
    });
}

TEST(semaphore, holds_its_bound_on_threads_and_loops) {
    weft::semaphore s(3);
    std::atomic<int> inside{0};
    std::atomic<bool> too_many{false};
    auto visit = [&] {
        for (int i = 0; i < 200; ++i) {
            int amount = 1 + i % 3;
            s.acquire(amount);
            too_many = too_many || inside.fetch_add(amount) + amount > 3;
            inside -= amount;
            s.release(amount);
        }
    };
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t) {
        threads.emplace_back(visit);
        threads.emplace_back([&] {
            weft::run([&] {
                weft::scope coroutines;
                for (int c = 0; c < 20; ++c) {
                    coroutines.spawn(visit);
                }
                coroutines.join();
            });
        });
    }
    threads.clear();
    EXPECT_FALSE(too_many);
    EXPECT_EQ(s.available(), 3);
}

TEST(semaphore, may_be_destroyed_by_the_thread_that_it_let_go_on) {
    for (int round = 0; round < 500; ++round) {
        auto s = std::make_unique<weft::semaphore>(1);
        s->acquire();
        std::jthread releaser([in_use = s.get()] { in_use->release(); });
        s->acquire();
        s.reset();
    }
}

TEST(semaphore, may_start_at_0_and_be_raised) {
    weft::run([] {
        weft::semaphore items(0);
        auto consumer = weft::spawn([&] { items.acquire(); });
        weft::yield();
        EXPECT_FALSE(consumer.done());
        items.release();
        consumer.join();
        items.release(5);
        items.acquire(5);
        EXPECT_EQ(items.available(), 0);
    });
}

TEST(semaphore, may_hold_as_many_as_its_type_can_count) {
    weft::semaphore s(INT64_MAX);
    EXPECT_EQ(s.available(), INT64_MAX);
    s.acquire();
    EXPECT_EQ(s.available(), INT64_MAX - 1);
    s.release();
    s.acquire(INT64_MAX);
    EXPECT_EQ(s.available(), 0);
}

TEST(semaphore, of_nothing_needs_nothing) {
    weft::semaphore s(0);
    s.acquire(0);
    EXPECT_TRUE(s.try_acquire(0));
    s.release(0);
    EXPECT_EQ(s.available(), 0);
}

TEST(semaphore_death, acquire_of_more_than_its_maximum) {
    weft::semaphore s(0, 2);
    EXPECT_DEATH(s.acquire(3),
                 "weft: .*semaphore_test.cpp:[0-9]+: acquire\\(3\\) of a weft::semaphore whose maximum is 2: it would "
                 "wait for ever");
    EXPECT_DEATH(weft::select(weft::when::acquired(s, 3)), "acquire\\(3\\) of a weft::semaphore whose maximum is 2");
}

TEST(semaphore_death, release_of_more_than_its_maximum) {
    weft::semaphore s(2, 2);
    s.acquire();
    EXPECT_DEATH(s.release(2),
                 "weft: .*semaphore_test.cpp:[0-9]+: release\\(2\\) of a weft::semaphore that has 1 of at most 2");
    weft::semaphore most(INT64_MAX);
    EXPECT_DEATH(most.release(), "release\\(1\\) of a weft::semaphore that has 9223372036854775807 of at most");
}

TEST(semaphore_death, negative_amounts) {
    weft::semaphore s(1);
    EXPECT_DEATH(s.acquire(-5), "weft: .*semaphore_test.cpp:[0-9]+: acquire\\(-5\\) .*the amount is negative");
    EXPECT_DEATH((void)s.try_acquire(-5), "acquire\\(-5\\) of a weft::semaphore: the amount is negative");
    EXPECT_DEATH(s.release(-5), "weft: .*semaphore_test.cpp:[0-9]+: release\\(-5\\) .*the amount is negative");
    EXPECT_DEATH(weft::semaphore(-1), "weft: .*semaphore_test.cpp:[0-9]+: a weft::semaphore with -1 units at first");
    EXPECT_DEATH(weft::semaphore(3, 2), "a weft::semaphore with 3 units at first and a maximum of 2");
}

TEST(semaphore_death, destroyed_while_somebody_waits) {
    EXPECT_DEATH(weft::run([] {
                     auto s = std::make_unique<weft::semaphore>(1);
                     s->acquire();
                     auto waiter = weft::spawn([&] { s->acquire(); });
                     weft::yield();
                     s.reset();
                 }),
                 "weft: a weft::semaphore was destroyed while somebody waits for it");
}

}  // namespace
