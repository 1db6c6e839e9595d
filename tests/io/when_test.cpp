// select() over time, tasks, descriptors and signals.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/channel.hpp>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/runtime.hpp>
#include <weft/when.hpp>

namespace {

using namespace std::chrono_literals;

struct connected {
    connected() {
        int fds[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        here = weft::descriptor(fds[0]);
        there = weft::descriptor(fds[1]);
    }
    void send() const { EXPECT_EQ(write(there.fd(), "x", 1), 1); }
    void receive() const {
        char c;
        EXPECT_EQ(read(here.fd(), &c, 1), 1);
    }

    weft::descriptor here, there;
};

TEST(when, the_earlier_of_two_times_comes_first) {
    weft::run([] {
        EXPECT_EQ(weft::select(weft::when::after(1h), weft::when::after(1ms)).index(), 1U);
        EXPECT_EQ(weft::select(weft::when::at(weft::clock::now()), weft::when::after(1h)).index(), 0U);
    });
}

TEST(when, a_time_in_the_past_comes_at_once_and_one_that_is_too_far_away_never) {
    using std::chrono::hours;
    using weft::clock;
    weft::run([] {
        EXPECT_EQ(weft::select(weft::when::at(clock::time_point::min())).index(), 0U);
        EXPECT_EQ(weft::select(weft::when::after(hours::min())).index(), 0U);
        EXPECT_EQ(weft::select(weft::when::after(clock::duration::min())).index(), 0U);
        EXPECT_EQ(weft::select(weft::when::at(clock::time_point::max()), weft::when::after(1ms)).index(), 1U);
        EXPECT_EQ(weft::select(weft::when::after(clock::duration::max()), weft::when::after(1ms)).index(), 1U);
        EXPECT_EQ(weft::select(weft::when::after(hours::max()), weft::when::after(1ms)).index(), 1U);
    });
}

TEST(when, a_time_ends_a_wait_for_a_channel_and_takes_nothing) {
    weft::run([] {
        weft::channel<int> values;
        EXPECT_EQ(weft::select(weft::when::received(values), weft::when::after(1ms)).index(), 1U);
        auto sender = weft::spawn([&] { (void)values.send(7); });
        auto first = weft::select(weft::when::received(values), weft::when::after(1h));
        ASSERT_EQ(first.index(), 0U);
        EXPECT_EQ(std::get<0>(first), 7);
        sender.join();
    });
}

TEST(when, a_task_has_ended_and_can_be_joined) {
    weft::run([] {
        weft::mutex m;
        m.lock();
        auto slow = weft::spawn([&] {
            m.lock();
            m.unlock();
            return 1;
        });
        auto quick = weft::spawn([] {
            weft::yield();
            return 2;
        });
        EXPECT_EQ(weft::select(weft::when::ended(slow), weft::when::ended(quick)).index(), 1U);
        EXPECT_EQ(quick.join(), 2);
        EXPECT_EQ(weft::select(weft::when::ended(slow), weft::when::after(1ms)).index(), 1U);
        m.unlock();
        EXPECT_EQ(weft::select(weft::when::ended(slow), weft::when::after(1h)).index(), 0U);
        EXPECT_EQ(weft::select(weft::when::ended(slow), weft::when::after(1h)).index(), 0U) << "it has ended still";
        EXPECT_EQ(slow.join(), 1);
    });
}

TEST(when, a_task_of_a_runtime_has_ended_on_whichever_loop) {
    weft::runtime loops(2);
    weft::event go(weft::event::manual);
    auto slow = loops.spawn_on(0, [&] {
        go.wait();
        return 1;
    });
    auto quick = loops.spawn_on(1, [] { return 2; });
    auto waits = [&] {
        EXPECT_EQ(weft::select(weft::when::ended(slow), weft::when::ended(quick)).index(), 1U);
        EXPECT_EQ(quick.join(), 2);
        EXPECT_EQ(weft::select(weft::when::ended(slow), weft::when::after(1ms)).index(), 1U);
        go.set();
        EXPECT_EQ(weft::select(weft::when::ended(slow), weft::when::after(1h)).index(), 0U);
        EXPECT_EQ(weft::select(weft::when::ended(slow), weft::when::after(1h)).index(), 0U) << "it has ended still";
        EXPECT_EQ(slow.join(), 1);
    };
    weft::run(waits);
    go.reset();
    slow = loops.spawn_on(0, [&] {
        go.wait();
        return 1;
    });
    quick = loops.spawn_on(1, [] { return 2; });
    waits();  // outside coroutines
}

TEST(when, a_select_that_lost_or_was_cancelled_leaves_a_task_of_a_runtime_to_its_join) {
    weft::runtime loops(1);
    for (bool cancels : {false, true}) {
        weft::event go(weft::event::manual), first(weft::event::manual);
        auto task = loops.spawn([&] {
            go.wait();
            return 3;
        });
        weft::run([&] {
            auto selects =
                weft::spawn([&] { (void)weft::select(weft::when::ended(task), weft::when::happened(first)); });
            weft::yield();
            if (cancels) {
                selects.cancel();
                EXPECT_THROW(selects.join(), std::system_error);
            } else {
                first.set();
                selects.join();
            }
            go.set();
            EXPECT_EQ(task.join(), 3);
        });
    }
}

TEST(when, a_descriptor_is_ready) {
    weft::run([] {
        connected a, b;
        auto first =
            weft::select(weft::when::readable(a.here.fd()), weft::when::readable(b.here.fd()), weft::when::after(1ms));
        EXPECT_EQ(first.index(), 2U);
        auto sender = weft::spawn([&] {
            weft::sleep_for(1ms);
            b.send();
        });
        auto second = weft::select(weft::when::readable(a.here.fd()), weft::when::readable(b.here.fd()));
        EXPECT_EQ(second.index(), 1U);
        sender.join();
        b.receive();
        a.send();
        EXPECT_EQ(weft::select(weft::when::readable(a.here.fd()), weft::when::after(1h)).index(), 0U);
    });
}

TEST(when, one_descriptor_is_waited_for_in_both_directions) {
    weft::run([] {
        connected a;
        std::vector<char> full(1 << 20);
        while (write(a.here.fd(), full.data(), full.size()) > 0) {
        }
        auto reader = weft::spawn([&] {
            weft::sleep_for(1ms);
            while (read(a.there.fd(), full.data(), full.size()) > 0) {
            }
        });
        EXPECT_EQ(weft::select(weft::when::readable(a.here.fd()), weft::when::writable(a.here.fd())).index(), 1U);
        reader.join();
        weft::wait_writable(a.here.fd());
    });
}

TEST(when, the_system_has_let_go_of_a_descriptor_that_was_not_chosen) {
    weft::run([] {
        weft::channel<int> values(1);
        for (int i = 0; i < 200; ++i) {
            connected c;
            auto sender = weft::spawn([&] { (void)values.send(i); });
            auto first = weft::select(weft::when::readable(c.here.fd()), weft::when::received(values));
            EXPECT_EQ(first.index(), 1U);
            sender.join();
        }
    });
}

TEST(when, a_descriptor_that_there_is_not_is_told) {
    weft::run([] {
        EXPECT_THROW((void)weft::select(weft::when::readable(1'000'000), weft::when::after(1h)), std::system_error);
    });
}

TEST(when, a_lock_is_had_or_a_time_has_passed) {
    weft::run([] {
        weft::mutex m;
        m.lock();
        auto other = weft::spawn([&] {
            EXPECT_EQ(weft::select(weft::when::locked(m), weft::when::after(1ms)).index(), 1U);
            EXPECT_EQ(weft::select(weft::when::locked(m), weft::when::after(1h)).index(), 0U);
            EXPECT_TRUE(m.owned());
            m.unlock();
        });
        weft::sleep_for(3ms);
        m.unlock();
        other.join();
    });
}

TEST(when, a_signal_arrived) {
    weft::run([] {
        weft::signals s({SIGUSR1, SIGUSR2});
        EXPECT_EQ(weft::select(weft::when::arrived(s), weft::when::after(1ms)).index(), 1U);
        auto sender = weft::spawn([] {
            weft::yield();
            ::kill(::getpid(), SIGUSR2);
        });
        auto first = weft::select(weft::when::arrived(s), weft::when::after(1h));
        ASSERT_EQ(first.index(), 0U);
        EXPECT_EQ(std::get<0>(first), SIGUSR2);
        ::kill(::getpid(), SIGUSR1);
        EXPECT_EQ(std::get<0>(weft::select(weft::when::arrived(s))), SIGUSR1);
        sender.join();
    });
}

TEST(when, a_cancelled_select_leaves_nothing_behind) {
    weft::run([] {
        connected c;
        weft::channel<int> values;
        auto sleeper = weft::spawn([] { weft::sleep_for(1h); });
        for (int i = 0; i < 50; ++i) {
            auto t = weft::spawn([&] {
                (void)weft::select(weft::when::readable(c.here.fd()), weft::when::received(values),
                                   weft::when::after(1h), weft::when::ended(sleeper));
            });
            if (i % 2 == 0) {
                weft::yield();
            }
            t.cancel();
            EXPECT_THROW(t.join(), std::system_error);
        }
        EXPECT_FALSE(weft::within(
            1ms, [&] { (void)weft::select(weft::when::readable(c.here.fd()), weft::when::received(values)); }));
    });
}

TEST(when, a_thread_outside_coroutines_selects) {
    connected c;
    weft::channel<int> values(1);
    EXPECT_EQ(weft::select(weft::when::readable(c.here.fd()), weft::when::after(1ms)).index(), 1U);
    c.send();
    EXPECT_EQ(weft::select(weft::when::readable(c.here.fd()), weft::when::received(values)).index(), 0U);
    c.receive();
    std::jthread other([&] { (void)values.send(3); });
    EXPECT_EQ(weft::select(weft::when::readable(c.here.fd()), weft::when::received(values)).index(), 1U);
}

TEST(when, each_value_and_each_byte_is_taken_once) {
    constexpr int rounds = 1'000;
    connected c;
    weft::channel<int> values(4);
    std::jthread other([&] {
        for (int i = 0; i < rounds; ++i) {
            (void)values.send(i);
            while (write(c.there.fd(), "x", 1) != 1) {
                std::this_thread::yield();
            }
        }
    });
    int received = 0, bytes = 0;
    weft::run([&] {
        while (received < rounds || bytes < rounds) {
            auto first = weft::select(weft::when::readable(c.here.fd()), weft::when::received(values));
            if (first.index() == 0) {
                c.receive();
                ++bytes;
            } else {
                EXPECT_EQ(std::get<1>(first), received++);
            }
        }
    });
}

TEST(when_death, a_task_has_ended_that_another_joins) {
    EXPECT_DEATH(weft::run([] {
                     auto t = weft::spawn({.name = "worker"}, [] { weft::sleep_for(1h); });
                     auto joiner = weft::spawn([&] { t.join(); });
                     weft::yield();
                     weft::yield();
                     weft::select(weft::when::ended(t), weft::when::after(1h));
                 }),
                 "when_test.cpp:[0-9]+: a task was waited for while it is joined already, at .*when_test.cpp:[0-9]+.*"
                 "\"worker\"");
}

}  // namespace
