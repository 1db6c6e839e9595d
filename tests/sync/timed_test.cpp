// try_..._for and recursive_mutex; and a place at the front of a wait_queue.

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <weft/mutex.hpp>
#include <weft/semaphore.hpp>
#include <weft/task.hpp>
#include <weft/wait_queue.hpp>

namespace {

using namespace std::chrono_literals;

TEST(timed, mutex_gives_up_at_the_limit_and_holds_nothing) {
    weft::run([] {
        weft::mutex m;
        m.lock();
        auto t = weft::spawn([&] {
            EXPECT_FALSE(m.try_lock_for(1ms));
            EXPECT_FALSE(m.try_lock_until(weft::clock::now()));
            EXPECT_FALSE(m.owned());
            EXPECT_TRUE(m.try_lock_for(1h));
            m.unlock();
        });
        weft::sleep_for(3ms);
        m.unlock();
        t.join();
        EXPECT_TRUE(m.try_lock_for(0ms)) << "what is free can be had at once";
        m.unlock();
    });
}

TEST(timed, mutex_goes_with_unique_lock) {
    weft::mutex m;
    {
        std::unique_lock lock(m, 1ms);
        EXPECT_TRUE(lock.owns_lock());
        std::jthread([&] {
            std::unique_lock other(m, 1ms);
            EXPECT_FALSE(other.owns_lock());
        }).join();
    }
    EXPECT_FALSE(m.owned());
}

TEST(timed, a_limit_outside_is_not_taken_for_the_one_inside) {
    weft::run([] {
        weft::mutex m;
        m.lock();
        auto t = weft::spawn([&] { weft::with_limit(1ms, [&] { (void)m.try_lock_for(1h); }); });
        EXPECT_THROW(t.join(), std::system_error);
        m.unlock();
    });
}

TEST(timed, semaphore_gives_up_at_the_limit_and_takes_nothing) {
    weft::run([] {
        weft::semaphore s(2);
        s.acquire();
        EXPECT_FALSE(s.try_acquire_for(1ms, 2));
        EXPECT_FALSE(s.try_acquire_until(weft::clock::now(), 2));
        EXPECT_EQ(s.available(), 1);
        EXPECT_TRUE(s.try_acquire_for(1ms));
        s.release(2);
    });
}

TEST(recursive_mutex, is_unlocked_when_it_was_unlocked_as_often_as_locked) {
    weft::run([] {
        weft::recursive_mutex m;
        std::scoped_lock first(m);
        bool in = false;
        auto t = weft::spawn([&] {
            EXPECT_FALSE(m.try_lock());
            EXPECT_FALSE(m.try_lock_for(1ms));
            std::scoped_lock lock(m);
            in = true;
        });
        {
            std::scoped_lock second(m);
            EXPECT_TRUE(m.try_lock());
            weft::sleep_for(3ms);
            m.unlock();
        }
        weft::yield();
        EXPECT_FALSE(in);
        EXPECT_TRUE(m.owned());
        m.unlock();
        t.join();
        EXPECT_TRUE(in);
        m.lock();
    });
}

TEST(recursive_mutex_death, unlocked_by_one_that_does_not_hold_it) {
    weft::recursive_mutex m;
    EXPECT_DEATH(m.unlock(), "unlock\\(\\) of a weft::mutex that the caller does not hold");
}

TEST(wait_queue_front, is_woken_before_those_that_came_earlier) {
    weft::run([] {
        weft::wait_queue q;
        weft::mutex m;
        std::string order;
        weft::scope coroutines;
        auto wait = [&](char name, bool at_front) {
            coroutines.spawn([&, name, at_front] {
                std::unique_lock lock(m);
                if (at_front) {
                    q.wait_at_front(lock);
                } else {
                    q.wait(lock);
                }
                order += name;
            });
        };
        wait('a', false);
        wait('b', false);
        wait('c', true);
        weft::yield();
        while (q.wake_one()) {
            weft::yield();
        }
        coroutines.join();
        EXPECT_EQ(order, "cab");
    });
}

}  // namespace
