#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/shared_mutex.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

#if defined(WEFT_TSAN)
constexpr int many = 1'000;  // ThreadSanitizer allows about 8,000 fibers
#else
constexpr int many = 10'000;
#endif

using weft::shared_mutex;

/// Spawns one that comes for the lock, holds it for a moment, and notes `name` when it gets in.
void come(weft::scope& to, shared_mutex& m, std::string& order, char name, bool writes) {
    to.spawn([&m, &order, name, writes] {
        if (writes) {
            std::unique_lock lock(m);
            order += name;
            weft::yield();
        } else {
            std::shared_lock lock(m);
            order += name;
            weft::yield();
        }
    });
}

TEST(shared_mutex, readers_share_and_a_writer_is_alone) {
    weft::run([] {
        shared_mutex m;
        int readers = 0, most = 0, writers = 0;
        weft::scope coroutines;
        for (int i = 0; i < 30; ++i) {
            coroutines.spawn([&, i] {
                if (i % 5 == 4) {
                    std::unique_lock lock(m);
                    EXPECT_EQ(++writers, 1);
                    EXPECT_EQ(readers, 0);
                    weft::yield();
                    --writers;
                } else {
                    std::shared_lock lock(m);
                    most = std::max(most, ++readers);
                    EXPECT_EQ(writers, 0);
                    weft::yield();
                    --readers;
                }
            });
        }
        coroutines.join();
        EXPECT_EQ(most, 4);
    });
}

TEST(shared_mutex, serves_in_order_and_neither_readers_nor_writers_starve) {
    weft::run([] {
        shared_mutex m;
        std::string order;
        weft::scope coroutines;
        m.lock_shared();
        come(coroutines, m, order, 'a', false);  // at once
        come(coroutines, m, order, 'W', true);
        come(coroutines, m, order, 'b', false);  // behind the writer
        come(coroutines, m, order, 'c', false);
        come(coroutines, m, order, 'X', true);
        come(coroutines, m, order, 'd', false);
        weft::yield();
        EXPECT_FALSE(m.try_lock_shared()) << "a newcomer does not pass the writer";
        m.unlock_shared();
        coroutines.join();
        EXPECT_EQ(order, "aWbcXd");
    });
}

TEST(shared_mutex, try_takes_what_is_free) {
    shared_mutex m;
    EXPECT_TRUE(m.try_lock());
    EXPECT_FALSE(m.try_lock());
    EXPECT_FALSE(m.try_lock_shared());
    m.unlock();
    EXPECT_TRUE(m.try_lock_shared());
    EXPECT_TRUE(m.try_lock_shared());
    EXPECT_FALSE(m.try_lock());
    EXPECT_FALSE(m.try_upgrade()) << "there is another reader";
    m.unlock_shared();
    EXPECT_TRUE(m.try_upgrade());
    EXPECT_FALSE(m.try_lock_shared());
    m.downgrade();
    EXPECT_TRUE(m.try_lock_shared());
    m.unlock_shared();
    m.unlock_shared();
}

TEST(shared_mutex, a_writer_that_gave_up_lets_the_readers_behind_it_in) {
    weft::run([] {
        shared_mutex m;
        std::string order;
        weft::scope coroutines;
        m.lock_shared();
        coroutines.spawn([&] { EXPECT_FALSE(m.try_lock_for(1ms)); });
        auto cancelled = weft::spawn([&] { m.lock(); });
        come(coroutines, m, order, 'r', false);
        weft::yield();
        EXPECT_EQ(order, "");
        cancelled.cancel();
        EXPECT_THROW(cancelled.join(), std::system_error);
        coroutines.join();  // the reader got in while we read
        EXPECT_EQ(order, "r");
        EXPECT_FALSE(m.try_lock_until(weft::clock::now()));
        m.unlock_shared();
        EXPECT_TRUE(m.try_lock());
        coroutines.spawn([&] { EXPECT_FALSE(m.try_lock_shared_for(1ms)); });
        coroutines.join();
        m.unlock();
    });
}

TEST(shared_mutex, upgrade_waits_for_the_other_readers_and_comes_before_those_that_wait) {
    weft::run([] {
        shared_mutex m;
        std::string order;
        weft::scope coroutines;
        m.lock_shared();
        m.lock_shared();
        come(coroutines, m, order, 'W', true);
        coroutines.spawn([&] {
            m.upgrade();
            order += 'U';
            weft::yield();
            m.downgrade();
            m.unlock_shared();
        });
        weft::yield();
        EXPECT_EQ(order, "");
        m.unlock_shared();
        coroutines.join();
        EXPECT_EQ(order, "UW");
    });
}

TEST(shared_mutex, one_whose_upgrade_was_cancelled_is_a_reader_still) {
    weft::run([] {
        shared_mutex m;
        std::string order;
        weft::scope coroutines;
        m.lock_shared();
        auto upgrading = weft::spawn([&] {
            std::shared_lock lock(m);
            m.upgrade();
        });
        weft::yield();
        come(coroutines, m, order, 'r', false);  // behind the upgrade
        weft::yield();
        EXPECT_EQ(order, "");
        upgrading.cancel();
        EXPECT_THROW(upgrading.join(), std::system_error);
        coroutines.join();
        EXPECT_EQ(order, "r");
        m.unlock_shared();
        EXPECT_TRUE(m.try_lock()) << "all have left";
        m.unlock();
    });
}

TEST(shared_mutex, downgrade_lets_the_readers_that_wait_first_in) {
    weft::run([] {
        shared_mutex m;
        std::string order;
        weft::scope coroutines;
        m.lock();
        come(coroutines, m, order, 'a', false);
        come(coroutines, m, order, 'b', false);
        come(coroutines, m, order, 'W', true);
        come(coroutines, m, order, 'c', false);
        weft::yield();
        m.downgrade();
        weft::yield();
        weft::yield();
        EXPECT_EQ(order, "ab");
        m.unlock_shared();
        coroutines.join();
        EXPECT_EQ(order, "abWc");
    });
}

TEST(shared_mutex, keeps_threads_and_loops_apart) {
    constexpr int rounds = 2'000;
    shared_mutex m;
    int value = 0, copy = 0;  // a race that ThreadSanitizer would see
    auto work = [&](int me) {
        for (int i = 0; i < rounds; ++i) {
            if ((i + me) % 4 == 0) {
                std::unique_lock lock(m);
                ++value;
                ++copy;
                if (i % 8 == 0) {
                    m.downgrade();
                    lock.release();
                    EXPECT_EQ(value, copy);
                    m.unlock_shared();
                }
            } else {
                std::shared_lock lock(m);
                EXPECT_EQ(value, copy);
            }
        }
    };
    std::vector<std::jthread> team;
    for (int t = 0; t < 3; ++t) {
        team.emplace_back([&, t] {
            if (t == 0) {
                work(t);
            } else {
                weft::run([&] {
                    weft::scope coroutines;
                    coroutines.spawn([&] { work(t); });
                    coroutines.spawn([&] { work(t + 1); });
                    coroutines.join();
                });
            }
        });
    }
    team.clear();
    EXPECT_EQ(value, 5 * rounds / 4);
}

TEST(shared_mutex, lets_very_many_readers_in_behind_a_writer) {
    weft::run([] {
        shared_mutex m;
        int in = 0;
        weft::scope coroutines;
        m.lock();
        for (int i = 0; i < many; ++i) {
            coroutines.spawn(weft::coroutine_options{.stack_size = 32 * 1024}, [&] {
                std::shared_lock lock(m);
                ++in;
            });
        }
        weft::yield();
        EXPECT_EQ(in, 0);
        m.unlock();
        coroutines.join();
        EXPECT_EQ(in, many);
    });
}

TEST(shared_mutex_death, two_readers_upgrade) {
    EXPECT_DEATH(
        weft::run([] {
            shared_mutex m;
            m.lock_shared();
            auto t = weft::spawn([&] {
                std::shared_lock lock(m);
                m.upgrade();
            });
            weft::yield();
            m.upgrade({"server.cpp", 9});
        }),
        "weft: server.cpp:9: deadlock: upgrade\\(\\) of a weft::shared_mutex while another reader waits in upgrade");
}

TEST(shared_mutex_death, unlocked_by_one_that_does_not_hold_it) {
    shared_mutex m;
    EXPECT_DEATH(m.unlock({"server.cpp", 9}), "weft: server.cpp:9: unlock\\(\\) of a weft::shared_mutex whose writer");
    EXPECT_DEATH(m.downgrade(), "downgrade\\(\\) of a weft::shared_mutex whose writer the caller is not");
    EXPECT_DEATH(m.unlock_shared(), "unlock_shared\\(\\) of a weft::shared_mutex that no reader holds");
    EXPECT_DEATH(m.upgrade(), "upgrade\\(\\) of a weft::shared_mutex that the caller does not hold");
    m.lock();
    EXPECT_DEATH(m.unlock_shared(), "that no reader holds");
    EXPECT_DEATH(m.lock(), "locked again by its writer");
    m.unlock();
}

TEST(shared_mutex_death, destroyed_while_it_is_locked) {
    EXPECT_DEATH(
        {
            shared_mutex m;
            m.lock_shared();
        },
        "weft: a weft::shared_mutex was destroyed while it was locked");
}

}  // namespace
