#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/coroutine.hpp>
#include <weft/mutex.hpp>
#include <weft/select.hpp>
#include <weft/shared_mutex.hpp>
#include <weft/task.hpp>

namespace {

TEST(mutex, excludes_others_across_yields) {
    weft::mutex m;
    int inside = 0;
    int most = 0;
    weft::run([&] {
        weft::scope coroutines;
        for (int i = 0; i < 20; ++i) {
            coroutines.spawn([&] {
                std::scoped_lock lock(m);
                most = std::max(most, ++inside);
                for (int turn = 0; turn < 5; ++turn) {
                    weft::yield();
                }
                --inside;
            });
        }
        coroutines.join();
    });
    EXPECT_EQ(most, 1);
}

TEST(mutex, hands_over_in_order_of_arrival) {
    weft::mutex m;
    std::vector<int> order;
    weft::run([&] {
        weft::scope coroutines;
        m.lock();
        for (int i = 0; i < 10; ++i) {
            coroutines.spawn([&, i] {
                std::scoped_lock lock(m);
                order.push_back(i);
                weft::yield();
            });
        }
        weft::yield();  // all of them have come to the lock
        m.unlock();
        coroutines.join();
    });
    EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(mutex, lets_no_newcomer_in_before_one_that_waits) {
    weft::mutex m;
    std::vector<char> order;
    weft::run([&] {
        m.lock();
        auto waiter = weft::spawn([&] {
            std::scoped_lock lock(m);
            order.push_back('w');
        });
        weft::yield();
        m.unlock();  // hands over to the waiter, that has not run yet
        EXPECT_FALSE(m.try_lock());
        m.lock();
        order.push_back('n');
        m.unlock();
        waiter.join();
    });
    EXPECT_EQ(order, (std::vector{'w', 'n'}));
}

TEST(mutex, try_lock_takes_a_free_lock) {
    weft::mutex m;
    ASSERT_TRUE(m.try_lock());
    EXPECT_TRUE(m.owned());
    m.unlock();
    EXPECT_FALSE(m.owned());
}

TEST(mutex, try_lock_fails_while_another_coroutine_holds_it) {
    weft::run([] {
        weft::mutex m;
        std::scoped_lock lock(m);
        bool taken = weft::spawn([&] { return m.try_lock(); }).join();
        EXPECT_FALSE(taken);
    });
}

TEST(mutex, is_owned_by_the_coroutine_that_locked_it_and_by_no_other) {
    weft::run([] {
        weft::mutex m;
        std::scoped_lock lock(m);
        EXPECT_TRUE(m.owned());
        EXPECT_FALSE(weft::spawn([&] { return m.owned(); }).join());
    });
}

TEST(mutex, goes_with_unique_lock) {
    weft::mutex m;
    std::unique_lock lock(m, std::try_to_lock);
    ASSERT_TRUE(lock.owns_lock());
    lock.unlock();
    EXPECT_FALSE(m.owned());
    lock.lock();
    EXPECT_TRUE(m.owned());
}

TEST(mutex, two_are_locked_at_once_by_a_scoped_lock_in_any_order) {
    weft::mutex a;
    weft::mutex b;
    int count = 0;
    auto add = [&count](weft::mutex& first, weft::mutex& second) {
        std::scoped_lock lock(first, second);
        int seen = count;
        weft::yield();
        count = seen + 1;
    };
    weft::run([&] {
        weft::scope coroutines;
        coroutines.spawn([&] { add(a, b); });
        coroutines.spawn([&] { add(b, a); });
        coroutines.join();
    });
    EXPECT_EQ(count, 2);
}

TEST(mutex, a_cancelled_waiter_gets_operation_canceled) {
    weft::run([] {
        weft::mutex m;
        std::scoped_lock lock(m);
        auto waiter = weft::spawn([&] { m.lock(); });
        weft::yield();
        waiter.cancel();
        try {
            waiter.join();
            FAIL() << "the waiter went on";
        } catch (std::system_error const& e) {
            EXPECT_EQ(e.code(), std::errc::operation_canceled);
        }
    });
}

TEST(mutex, goes_to_the_next_waiter_when_the_first_was_cancelled) {
    weft::run([] {
        weft::mutex m;
        bool second_had_it = false;
        m.lock();
        auto first = weft::spawn([&] { std::scoped_lock lock(m); });
        auto second = weft::spawn([&] {
            std::scoped_lock lock(m);
            second_had_it = true;
        });
        weft::yield();
        first.cancel();
        m.unlock();
        second.join();
        EXPECT_TRUE(second_had_it);
        EXPECT_THROW(first.join(), std::system_error);
    });
}

TEST(mutex, is_free_after_all_its_waiters_were_cancelled) {
    weft::run([] {
        weft::mutex m;
        m.lock();
        {
            weft::scope waiters;
            for (int i = 0; i < 3; ++i) {
                waiters.spawn([&] { std::scoped_lock lock(m); });
            }
            weft::yield();
        }  // cancels them
        m.unlock();
        EXPECT_TRUE(m.try_lock());
        m.unlock();
    });
}

TEST(mutex, a_waiter_that_is_cancelled_after_the_handover_has_the_lock) {
    weft::run([] {
        weft::mutex m;
        m.lock();
        auto waiter = weft::spawn([&] {
            m.lock();
            bool mine = m.owned();
            m.unlock();
            return mine;
        });
        weft::yield();
        m.unlock();
        waiter.cancel();  // too late: it is on its way
        EXPECT_TRUE(waiter.join());
    });
}

TEST(mutex, counts_exactly_on_four_loops) {
    weft::mutex m;
    long count = 0;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            weft::run([&] {
                weft::scope coroutines;
                for (int c = 0; c < 100; ++c) {
                    coroutines.spawn([&] {
                        for (int i = 0; i < 100; ++i) {
                            std::scoped_lock lock(m);
                            long seen = count;
                            if (i % 10 == 0) {
                                weft::yield();
                            }
                            count = seen + 1;
                        }
                    });
                }
                coroutines.join();
            });
        });
    }
    threads.clear();
    EXPECT_EQ(count, 4 * 100 * 100);
}

TEST(mutex, counts_exactly_on_plain_threads) {
    weft::mutex m;
    long count = 0;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 10'000; ++i) {
                std::scoped_lock lock(m);
                ++count;
            }
        });
    }
    threads.clear();
    EXPECT_EQ(count, 40'000);
}

TEST(mutex, counts_exactly_between_plain_threads_and_a_loop) {
    weft::mutex m;
    long count = 0;
    auto add = [&] {
        for (int i = 0; i < 1'000; ++i) {
            std::scoped_lock lock(m);
            ++count;
        }
    };
    {
        std::jthread plain_1(add);
        std::jthread plain_2(add);
        weft::run([&] {
            weft::scope coroutines;
            for (int c = 0; c < 10; ++c) {
                coroutines.spawn(add);
            }
            coroutines.join();
        });
    }
    EXPECT_EQ(count, 12'000);
}

TEST(mutex, a_thread_that_waits_for_it_runs_its_own_loop_meanwhile) {
    weft::mutex m;
    auto holder = weft::spawn([&] {
        std::scoped_lock lock(m);
        weft::sleep_for(std::chrono::milliseconds(1));
    });
    weft::loop::current().run_once(false);  // the holder has it now
    ASSERT_FALSE(m.try_lock());
    m.lock();
    EXPECT_TRUE(m.owned());
    m.unlock();
    holder.join();
}

/// Each statement runs in a process of its own, that has no loop yet.
TEST(mutex_death, unlock_by_another_coroutine) {
    EXPECT_DEATH(weft::run([] {
                     weft::mutex m;
                     m.lock();
                     weft::spawn([&] { m.unlock(); }).join();
                 }),
                 "weft: .*mutex_test.cpp:[0-9]+: unlock\\(\\) of a weft::mutex that the caller does not hold");
}

TEST(mutex_death, unlock_of_a_free_lock) {
    weft::mutex m;
    EXPECT_DEATH(m.unlock(),
                 "weft: .*mutex_test.cpp:[0-9]+: unlock\\(\\) of a weft::mutex that the caller does not hold");
}

TEST(mutex_death, locked_again_by_its_holder) {
    EXPECT_DEATH(
        {
            weft::mutex m;
            m.lock();
            m.lock();
        },
        "weft: .*mutex_test.cpp:[0-9]+: a weft::mutex was locked again by its holder");
}

TEST(mutex_death, destroyed_while_locked) {
    EXPECT_DEATH(
        {
            weft::mutex m;
            m.lock();
        },
        "weft: a weft::mutex was destroyed while it was locked");
}

TEST(mutex_death, destroyed_while_waited_for) {
    EXPECT_DEATH(weft::run([] {
                     auto m = std::make_unique<weft::mutex>();
                     m->lock();
                     auto waiter = weft::spawn([&] { m->lock(); });
                     weft::yield();
                     m.reset();
                 }),
                 "weft: a weft::mutex was destroyed while it was locked");
}

#if defined(WEFT_CHECK_MUTEXES)
TEST(mutex_death, held_by_a_coroutine_that_ends) {
    weft::mutex m;
    weft::recursive_mutex again;
    weft::shared_mutex shared;
    char const* const message = "mutex_test.cpp:[0-9]+: coroutine \"forgetful\" .* ended while it held a weft::mutex";
    auto run = [](auto body) { weft::coroutine({.name = "forgetful"}, body).enter(); };
    EXPECT_DEATH(run([&] { m.lock(); }), message);
    EXPECT_DEATH(run([&] { (void)m.try_lock(); }), message);
    EXPECT_DEATH(run([&] { again.lock(), again.lock(), again.unlock(); }), message);
    EXPECT_DEATH(run([&] { shared.lock(); }), message);
    EXPECT_DEATH(run([&] { shared.lock_shared(), shared.upgrade(); }), message);
    EXPECT_DEATH(run([&] { (void)weft::select(weft::when::locked(m)); }), message);
    EXPECT_DEATH(weft::run([&] {  // handed over to one that waited
                     m.lock();
                     auto waiter = weft::spawn({.name = "forgetful"}, [&] { m.lock(); });
                     weft::yield();
                     m.unlock();
                     waiter.join();
                 }),
                 message);
}

#endif

// The locks come free; and debug builds, which count what a coroutine holds, end none of these for it.
TEST(mutex, let_go_of_in_every_way_a_coroutine_may_end) {
    weft::mutex m;
    weft::shared_mutex shared;
    weft::run([&] {
        m.lock();
        auto waiter = weft::spawn([&] { std::scoped_lock lock(m); });
        weft::yield();
        m.unlock();
        waiter.join();
        weft::spawn([&] {
            shared.lock();
            shared.downgrade();
            shared.unlock_shared();
        }).join();
        weft::spawn([&] {
            shared.lock_shared();
            shared.upgrade();
            shared.unlock();
        }).join();
        EXPECT_THROW(weft::spawn([&] {
                         std::scoped_lock lock(m, shared);
                         throw 1;
                     }).join(),
                     int);
        auto cancelled = weft::spawn([&] {
            std::scoped_lock lock(m);
            weft::sleep_for(std::chrono::hours(1));
        });
        weft::yield();
        cancelled.cancel();
        EXPECT_THROW(cancelled.join(), std::system_error);
    });
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

}  // namespace
