#include <gtest/gtest.h>

#include <deque>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/event.hpp>
#include <weft/mutex.hpp>
#include <weft/task.hpp>
#include <weft/wait_queue.hpp>

namespace {

TEST(wait_queue, wakes_in_order_of_arrival) {
    std::vector<int> order;
    weft::run([&] {
        weft::wait_queue queue;
        weft::scope waiters;
        for (int i = 0; i < 5; ++i) {
            waiters.spawn([&, i] {
                queue.wait();
                order.push_back(i);
            });
        }
        weft::yield();
        while (queue.wake_one()) {
        }
        waiters.join();
    });
    EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

TEST(wait_queue, wake_one_wakes_one) {
    weft::run([] {
        weft::wait_queue queue;
        int woken = 0;
        weft::scope waiters;
        for (int i = 0; i < 3; ++i) {
            waiters.spawn([&] {
                queue.wait();
                ++woken;
            });
        }
        weft::yield();
        EXPECT_TRUE(queue.wake_one());
        weft::yield();
        EXPECT_EQ(woken, 1);
        EXPECT_EQ(queue.wake_all(), 2U);
        waiters.join();
    });
}

TEST(wait_queue, wake_one_says_that_nobody_waits) {
    weft::wait_queue queue;
    EXPECT_FALSE(queue.wake_one());
    EXPECT_EQ(queue.wake_all(), 0U);
    EXPECT_TRUE(queue.empty());
}

TEST(wait_queue, keeps_no_wake_up_for_one_that_comes_later) {
    weft::run([] {
        weft::wait_queue queue;
        queue.wake_one();
        auto late = weft::spawn([&] { queue.wait(); });
        weft::yield();
        EXPECT_FALSE(late.done());
        queue.wake_one();
        late.join();
    });
}

TEST(wait_queue, wake_all_leaves_alone_one_that_waits_again_at_once) {
    weft::run([] {
        weft::wait_queue queue;
        int rounds = 0;
        auto waiter = weft::spawn([&] {
            for (; rounds < 2; ++rounds) {
                queue.wait();
            }
        });
        weft::yield();
        EXPECT_EQ(queue.wake_all(), 1U);
        weft::yield();
        EXPECT_EQ(rounds, 1);
        EXPECT_EQ(queue.wake_all(), 1U);
        waiter.join();
    });
}

TEST(wait_queue, releases_the_lock_while_it_waits_and_has_it_again_after) {
    weft::run([] {
        weft::wait_queue queue;
        weft::mutex m;
        auto waiter = weft::spawn([&] {
            std::unique_lock lock(m);
            queue.wait(lock);
            return lock.owns_lock() && m.owned();
        });
        weft::yield();
        EXPECT_TRUE(m.try_lock());
        queue.wake_one();
        weft::yield();
        EXPECT_FALSE(waiter.done()) << "it went on without the lock";
        m.unlock();
        EXPECT_TRUE(waiter.join());
    });
}

TEST(wait_queue, a_cancelled_waiter_has_the_lock_when_the_exception_arrives) {
    weft::run([] {
        weft::wait_queue queue;
        weft::mutex m;
        auto waiter = weft::spawn([&] {
            std::unique_lock lock(m);
            try {
                queue.wait(lock);
            } catch (std::system_error const& e) {
                return e.code() == std::errc::operation_canceled && m.owned();
            }
            return false;
        });
        weft::yield();
        m.lock();  // the waiter has to wait for it, though it is cancelled
        waiter.cancel();
        weft::yield();
        m.unlock();
        EXPECT_TRUE(waiter.join());
        EXPECT_TRUE(queue.empty());
    });
}

TEST(wait_queue, a_wait_that_begins_after_the_cancel_ends_at_once) {
    weft::run([] {
        weft::wait_queue queue;
        auto waiter = weft::spawn([&] { queue.wait(); });
        waiter.cancel();
        EXPECT_THROW(waiter.join(), std::system_error);
    });
}

TEST(wait_queue, a_wake_up_given_to_a_cancelled_waiter_before_is_not_lost) {
    weft::run([] {
        weft::wait_queue queue;
        auto first = weft::spawn([&] { queue.wait(); });
        auto second = weft::spawn([&] { queue.wait(); });
        weft::yield();
        first.cancel();
        EXPECT_TRUE(queue.wake_one());  // the first is out of the queue: this is the second's
        second.join();
        EXPECT_THROW(first.join(), std::system_error);
    });
}

TEST(wait_queue, brings_every_item_from_plain_threads_to_coroutines) {
    constexpr int items = 10'000;
    weft::mutex m;
    weft::wait_queue not_empty;
    std::deque<int> queue;
    long sum = 0;
    std::jthread producer([&] {
        for (int i = 1; i <= items; ++i) {
            std::scoped_lock lock(m);
            queue.push_back(i);
            not_empty.wake_one();
        }
    });
    weft::run([&] {
        for (int i = 0; i < items; ++i) {
            std::unique_lock lock(m);
            while (queue.empty()) {
                not_empty.wait(lock);
            }
            sum += queue.front();
            queue.pop_front();
        }
    });
    producer.join();
    EXPECT_EQ(sum, long{items} * (items + 1) / 2);
}

TEST(wait_queue, wakes_a_plain_thread) {
    weft::mutex m;
    weft::wait_queue changed;
    bool ready = false;
    std::jthread waiter([&] {
        std::unique_lock lock(m);
        while (!ready) {
            changed.wait(lock);
        }
    });
    {
        std::scoped_lock lock(m);
        ready = true;
        changed.wake_all();
    }
    waiter.join();
    EXPECT_TRUE(changed.empty());
}

TEST(wait_queue, throws_what_the_release_of_the_lock_throws_and_is_as_it_was) {
    weft::wait_queue queue;
    weft::mutex m;
    std::unique_lock not_held(m, std::defer_lock);
    EXPECT_THROW(queue.wait(not_held), std::system_error);
    EXPECT_TRUE(queue.empty());
    EXPECT_FALSE(queue.wake_one());
}

/// A lock whose release wakes one of the queue, and throws if it is told to.
struct waking_lock {
    weft::wait_queue& queue;
    bool throws;
    bool held = true;
    void lock() { held = true; }
    void unlock() {
        held = false;
        queue.wake_one();
        if (throws) {
            throw std::runtime_error("not held");
        }
    }
};

TEST(wait_queue, may_be_woken_by_the_release_of_the_lock) {
    weft::run([] {
        weft::wait_queue queue;
        waking_lock lock{queue, false};
        queue.wait(lock);
        EXPECT_TRUE(lock.held);
        EXPECT_TRUE(queue.empty());
    });
}

TEST(wait_queue, passes_on_a_wake_up_that_came_while_the_release_of_the_lock_failed) {
    weft::run([] {
        weft::wait_queue queue;
        waking_lock lock{queue, true};
        auto next = weft::spawn([&] { queue.wait(); });
        auto fails = weft::spawn([&] { EXPECT_THROW(queue.wait_at_front(lock), std::runtime_error); });
        fails.join();
        next.join();  // for ever, if the wake-up was lost
        EXPECT_TRUE(queue.empty());
    });
}

/// A lock whose release waits for something else.
struct suspending_lock {
    weft::event& other;
    void lock() {}
    void unlock() { other.wait(); }
};

TEST(wait_queue, may_be_given_a_lock_whose_release_waits_and_is_cancelled_meanwhile) {
    weft::run([] {
        weft::wait_queue queue;
        weft::event other(weft::event::manual);
        suspending_lock lock{other};
        auto woken = weft::spawn([&] { queue.wait(lock); });
        auto cancelled = weft::spawn([&] { queue.wait(lock); });
        weft::yield();
        EXPECT_TRUE(queue.wake_one());
        cancelled.cancel();
        EXPECT_THROW(cancelled.join(), std::system_error);
        EXPECT_TRUE(queue.empty());
        EXPECT_FALSE(woken.done());
        other.set();
        woken.join();
    });
}

TEST(wait_queue_death, destroyed_while_somebody_waits) {
    EXPECT_DEATH(weft::run([] {
                     auto queue = std::make_unique<weft::wait_queue>();
                     auto waiter = weft::spawn([&] { queue->wait(); });
                     weft::yield();
                     queue.reset();
                 }),
                 "weft: a weft::wait_queue was destroyed while somebody waits in it");
}

}  // namespace
