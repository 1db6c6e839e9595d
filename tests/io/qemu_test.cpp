// What QEMU's coroutines promise of locks, queues, time and descriptors, in weft's own terms; the numbers are those of the
// cases that both have been held to. (C1 to C12: tests/coroutine/qemu_test.cpp; X1 to X5: tests/task/qemu_contexts_test.cpp.)

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/file.hpp>
#include <weft/inspect.hpp>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/semaphore.hpp>
#include <weft/shared_mutex.hpp>
#include <weft/socket.hpp>
#include <weft/task.hpp>
#include <weft/wait_queue.hpp>

namespace {

using namespace std::chrono_literals;

TEST(qemu, C13_those_that_a_coroutine_wakes_run_in_order_when_it_yields_or_ends_and_none_is_lost) {
    weft::run([] {
        weft::wait_queue queue;
        std::string order;
        weft::scope all;
        for (char name : {'a', 'b', 'c', 'd'}) {
            all.spawn([&order, &queue, name] {
                queue.wait();
                order += name;
            });
        }
        weft::yield();
        all.spawn([&] {
            queue.wake_one();
            queue.wake_one();
            order += '1';
            weft::yield();
            order += '2';
            queue.wake_one();
            queue.wake_one();  // and it ends
        });
        all.join();
        EXPECT_EQ(order, "1ab2cd");
    });
}

TEST(qemu, L1_unlock_hands_the_lock_to_one_that_nobody_enters_by_hand) {
    weft::run([] {
        weft::mutex m;
        bool held = false;
        m.lock();
        auto c2 = weft::spawn([&] {
            m.lock();
            held = m.owned();
            m.unlock();
        });
        weft::yield();
        EXPECT_FALSE(held);
        m.unlock();
        c2.join();
        EXPECT_TRUE(held);
    });
}

TEST(qemu, L2_a_newcomer_does_not_take_the_lock_from_the_one_it_was_handed_to) {
    weft::run([] {
        weft::mutex m;
        std::string order;
        m.lock();
        auto waiter = weft::spawn([&] {
            std::scoped_lock lock(m);
            order += 'w';
        });
        weft::yield();
        m.unlock();
        EXPECT_FALSE(m.try_lock());
        EXPECT_FALSE(m.owned());
        m.lock();
        order += 'n';
        m.unlock();
        waiter.join();
        EXPECT_EQ(order, "wn");
    });
}

/// A counter under a lock, from `loops` loops on as many threads.
void count_under_a_lock(unsigned loops) {
    constexpr int coroutines = 4, rounds = 500;
    weft::mutex m;
    int count = 0;
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < loops; ++i) {
        threads.emplace_back([&] {
            weft::run([&] {
                weft::scope all;
                for (int c = 0; c < coroutines; ++c) {
                    all.spawn([&] {
                        for (int r = 0; r < rounds; ++r) {
                            std::scoped_lock lock(m);
                            ++count;
                        }
                    });
                }
                all.join();
            });
        });
    }
    threads.clear();
    EXPECT_EQ(count, static_cast<int>(loops) * coroutines * rounds);
}

TEST(qemu, L3_two_contexts_count_exactly_under_a_lock) {
    count_under_a_lock(2);
}

TEST(qemu, L3_five_contexts_count_exactly_under_a_lock) {
    count_under_a_lock(5);
}

/// How many coroutines wait for a mutex.
int queued() {
    int count = 0;
    weft::for_each_coroutine([&](weft::coroutine_info const& co) {
        count += co.state == weft::coroutine_state::waiting && co.waits_for != nullptr &&
                         std::string_view(co.waits_for) == "a mutex"
                     ? 1
                     : 0;
    });
    return count;
}

TEST(qemu, L4_a_locker_of_the_same_context_queues_at_once_and_one_of_another_thread_in_the_end) {
    weft::run([] {
        weft::mutex m;
        m.lock();
        auto same = weft::spawn([&] { std::scoped_lock lock(m); });
        weft::yield();
        EXPECT_EQ(queued(), 1) << "had it looked again, it would have looked for ever: the holder runs on its thread";
        std::jthread other([&] { weft::run([&] { std::scoped_lock lock(m); }); });
        while (queued() < 2) {  // it looks again for a while, as the holder is elsewhere; then it waits
            std::this_thread::yield();
        }
        m.unlock();
        same.join();
    });
}

TEST(qemu, L5_a_queue_lets_go_of_the_lock_wakes_in_order_and_has_a_front) {
    weft::run([] {
        weft::mutex m;
        weft::wait_queue q;
        std::string order;
        weft::scope all;
        auto wait = [&](char name, bool at_front) {
            all.spawn([&, name, at_front] {
                std::unique_lock lock(m);
                if (at_front) {
                    q.wait_at_front(lock);
                } else {
                    q.wait(lock);
                }
                EXPECT_TRUE(m.owned());
                order += name;
            });
        };
        EXPECT_TRUE(q.empty());
        wait('a', false);
        wait('b', false);
        wait('c', true);
        wait('d', false);
        weft::yield();
        EXPECT_TRUE(m.try_lock()) << "all wait without the lock";
        m.unlock();
        EXPECT_FALSE(q.empty());
        EXPECT_TRUE(q.wake_one());
        EXPECT_EQ(order, "") << "it runs when the one that wakes suspends";
        weft::yield();
        EXPECT_EQ(order, "c");
        EXPECT_EQ(q.wake_all(), 3U);
        all.join();
        EXPECT_EQ(order, "cabd");
        EXPECT_TRUE(q.empty());
    });
}

TEST(qemu, L6_the_lock_of_a_queue_may_be_any_or_none) {
    weft::run([] {
        weft::wait_queue q;
        std::mutex plain;
        int woken = 0;
        weft::scope all;
        all.spawn([&] {
            std::unique_lock lock(plain);
            q.wait(lock);
            ++woken;
        });
        all.spawn([&] {
            q.wait();
            ++woken;
        });
        weft::yield();
        EXPECT_TRUE(plain.try_lock());
        plain.unlock();
        EXPECT_EQ(q.wake_all(), 2U);
        all.join();
        EXPECT_EQ(woken, 2);
    });
}

TEST(qemu, L7_a_reader_waits_behind_a_waiting_writer_and_readers_get_in_together) {
    weft::run([] {
        weft::shared_mutex m;
        std::string order;
        int inside = 0;
        weft::scope all;
        auto reader = [&] {
            std::shared_lock lock(m);
            order += static_cast<char>('0' + ++inside);
            weft::yield();
            --inside;
        };
        m.lock_shared();
        all.spawn([&] {
            std::unique_lock lock(m);
            order += 'W';
        });
        all.spawn(reader);
        all.spawn(reader);
        weft::yield();
        EXPECT_EQ(order, "");
        m.unlock_shared();
        all.join();
        EXPECT_EQ(order, "W12");
    });
}

TEST(qemu, L8_one_that_lets_go_and_locks_anew_is_served_behind_the_writer_that_waits) {
    weft::run([] {
        weft::shared_mutex m;
        std::string order;
        weft::scope all;
        all.spawn([&] {
            m.lock_shared();
            weft::yield();
            EXPECT_FALSE(m.try_upgrade()) << "QEMU's upgrade queues; weft's does not let go of the lock";
            m.unlock_shared();
            m.lock();
            order += '1';
            m.unlock();
        });
        all.spawn([&] {
            m.lock();
            order += '2';
            m.unlock();
        });
        all.join();
        EXPECT_EQ(order, "21");
    });
}

TEST(qemu, L9_a_downgrade_lets_the_next_reader_in_at_once_and_nobody_hangs) {
    weft::run([] {
        weft::shared_mutex m;
        std::string order;
        weft::scope all;
        m.lock_shared();
        all.spawn([&] {
            m.lock();
            order += '2';
            m.downgrade();
            weft::yield();
            weft::yield();
            EXPECT_EQ(order, "23");
            m.unlock_shared();
        });
        all.spawn([&] {
            m.lock_shared();
            order += '3';
            weft::yield();
            m.unlock_shared();
        });
        all.spawn([&] {
            m.lock();
            order += '4';
            m.unlock();
        });
        weft::yield();
        m.unlock_shared();
        all.join();
        EXPECT_EQ(order, "234");
    });
}

TEST(qemu, L10_a_shared_resource_is_taken_in_units_and_given_back_in_order) {
    weft::run([] {
        weft::semaphore s(4);
        std::string order;
        weft::scope all;
        s.acquire(3);
        all.spawn([&] {
            s.acquire(3);
            order += 'a';
            s.release(3);
        });
        all.spawn([&] {
            s.acquire(1);
            order += 'b';
            s.release(1);
        });
        weft::yield();
        EXPECT_EQ(order, "");
        s.release(3);
        all.join();
        EXPECT_EQ(order, "ab");
        EXPECT_EQ(s.available(), 4);
    });
}

TEST(qemu, T1_a_sleep_lasts_at_least_as_long_and_can_be_ended_early) {
    weft::run([] {
        auto began = weft::clock::now();
        weft::sleep_for(2ms);
        EXPECT_GE(weft::clock::now() - began, 2ms);
        auto sleeper = weft::spawn([] { weft::sleep_for(1h); });
        weft::yield();
        sleeper.cancel();
        EXPECT_THROW(sleeper.join(), std::system_error);
        sleeper.cancel();  // it does not sleep: nothing happens
    });
}

TEST(qemu, T2_a_timeout_is_told_and_what_is_slow_may_run_on) {
    weft::run([] {
        EXPECT_TRUE(weft::within(1h, [] { weft::yield(); }));
        bool ended = false;
        auto slow = weft::spawn([&] {
            weft::sleep_for(3ms);
            ended = true;
        });
        EXPECT_FALSE(weft::within(1ms, [&] { slow.join(); }));
        EXPECT_FALSE(ended);
        slow.join();
        EXPECT_TRUE(ended);
    });
}

TEST(qemu, T3_send_and_receive_wait_and_tell_what_was_transferred) {
    weft::run([] {
        std::array<int, 2> fds{};
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()), 0);
        weft::stream left{weft::descriptor(fds[0])}, right{weft::descriptor(fds[1])};
        std::vector<char> sent(4 << 20);  // more than a socket holds: both have to wait
        for (std::size_t i = 0; i < sent.size(); ++i) {
            sent[i] = static_cast<char>(i * 7);
        }
        auto sender = weft::spawn([&] {
            left.write_all(std::as_bytes(std::span(sent)));
            left.shutdown();
        });
        std::error_code ec;
        std::vector<char> received(sent.size() + 100);
        EXPECT_EQ(right.read_exact(std::as_writable_bytes(std::span(received)), ec), sent.size())
            << "the end counts short";
        sender.join();
        received.resize(sent.size());
        EXPECT_EQ(received, sent);
        left.write_all(std::as_bytes(std::span(sent)), ec);
        EXPECT_TRUE(ec) << "its own end was told that nothing more comes";
    });
}

TEST(qemu, T4_X2_waits_until_a_descriptor_is_readable_and_goes_on_on_its_own_loop) {
    weft::run([] {
        std::array<int, 2> fds{};
        ASSERT_EQ(pipe(fds.data()), 0);
        weft::descriptor in(fds[0]), out(fds[1]);
        auto thread = std::this_thread::get_id();
        auto reader = weft::spawn([&] {
            weft::wait_readable(in.fd());
            EXPECT_EQ(std::this_thread::get_id(), thread);
        });
        std::jthread other([&] { EXPECT_EQ(write(out.fd(), "x", 1), 1); });
        reader.join();
    });
}

int twice(int n) {
    weft::sleep_for(1ms);
    return 2 * n;
}

TEST(qemu, W1_W2_the_same_call_works_in_both_worlds_and_others_go_on_meanwhile) {
    int turns = 0;
    bool over = false;
    auto other = weft::spawn([&] {
        while (!over) {
            ++turns;
            weft::yield();
        }
    });
    EXPECT_EQ(twice(21), 42) << "outside: runs the loop";
    EXPECT_GT(turns, 0);
    EXPECT_EQ(weft::spawn([] { return twice(4); }).join(), 8);
    over = true;
    other.join();
}

}  // namespace
