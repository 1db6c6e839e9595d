// Posted calls: from signal handlers, those that wait or throw; and the loop's numbers.

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>
#include <vector>
#include <weft/loop.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

std::atomic<void (*)()> on_signal{nullptr};

/// Calls `f` in a real handler of SIGUSR1 while it lives.
class handler {
public:
    explicit handler(void (*f)()) {
        on_signal = f;
        struct sigaction action = {};
        action.sa_handler = [](int) { on_signal.load()(); };
        sigaction(SIGUSR1, &action, &before_);
    }
    ~handler() { sigaction(SIGUSR1, &before_, nullptr); }

private:
    struct sigaction before_ = {};
};

struct counting {
    int* count;
    void operator()() const { ++*count; }
};

std::atomic<weft::prepared_call<counting>*> call{nullptr};

TEST(prepared_call, is_made_on_the_loops_thread_outside_coroutines) {
    weft::loop& loop = weft::loop::current();
    bool done = false;
    auto here = std::this_thread::get_id();
    auto f = [&] {
        EXPECT_EQ(std::this_thread::get_id(), here);
        EXPECT_FALSE(weft::in_coroutine());
        done = true;
    };
    weft::prepared_call prepared(loop, f);
    std::jthread poster([&] { prepared.post(); });
    loop.run_until(done);
}

TEST(prepared_call, is_made_once_for_several_posts_before_it_and_again_for_a_later_one) {
    weft::loop& loop = weft::loop::current();
    int count = 0;
    weft::prepared_call prepared(loop, counting{&count});
    prepared.post();
    prepared.post();
    loop.run_once(false);
    EXPECT_EQ(count, 1);
    loop.run_once(false);
    EXPECT_EQ(count, 1);
    prepared.post();
    loop.run_once(false);
    EXPECT_EQ(count, 2);
}

TEST(prepared_call, that_is_destroyed_is_taken_back) {
    weft::loop& loop = weft::loop::current();
    int count = 0;
    {
        weft::prepared_call prepared(loop, counting{&count});
        prepared.post();
    }
    loop.run_once(false);
    EXPECT_EQ(count, 0);
}

TEST(prepared_call, from_a_signal_handler_on_the_loops_own_thread) {
    int count = 0;
    weft::prepared_call prepared(weft::loop::current(), counting{&count});
    call = &prepared;
    handler h([] { call.load()->post(); });
    weft::run([&] {
        for (int i = 1; i <= 100; ++i) {
            raise(SIGUSR1);
            while (count < i) {
                weft::yield();
            }
        }
    });
    EXPECT_EQ(count, 100);
}

TEST(prepared_call, from_a_signal_handler_ends_the_loops_sleep) {
    int count = 0;
    weft::loop& loop = weft::loop::current();
    bool called = false;
    auto f = [&] {
        ++count;
        called = true;
    };
    static std::atomic<weft::prepared_call<decltype(f)>*> ends_sleep;
    weft::prepared_call prepared(loop, f);
    ends_sleep = &prepared;
    handler h([] { ends_sleep.load()->post(); });
    pthread_t me = pthread_self();
    for (int i = 1; i <= 500; ++i) {  // the signal comes at another point of falling asleep each time
        called = false;
        std::thread sender([me] { pthread_kill(me, SIGUSR1); });
        loop.run_until(called);
        sender.join();
        EXPECT_EQ(count, i);
    }
}

// ---- Calls that throw, wait or run the loop -------------------------------------------------------------------------

TEST(posted_call, that_waits_is_followed_by_those_posted_after_it) {
    weft::loop& loop = weft::loop::current();
    bool second = false;
    bool first = false;
    loop.post([&] {
        loop.run_until(second);
        first = true;
    });
    loop.post([&] { second = true; });
    loop.run_until(first);
}

TEST(posted_call, that_waits_loses_none_of_those_posted_meanwhile) {
    weft::loop& loop = weft::loop::current();
    std::vector<int> order;
    bool done = false;
    loop.post([&] {
        loop.post([&] { order.push_back(4); });
        weft::sleep_for(1ms);
        order.push_back(5);
        loop.post([&] { done = true; });
    });
    for (int i = 1; i <= 3; ++i) {
        loop.post([&, i] { order.push_back(i); });
    }
    loop.run_until(done);
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4, 5}));
}

TEST(posted_call_death, that_throws_ends_the_program_and_names_the_post) {
    for (auto* wait : {+[] { weft::sleep_for(1h); }, +[] { weft::run([] { weft::sleep_for(1h); }); }}) {
        auto trial = [wait] {
            weft::loop::current().post([] { throw std::runtime_error("out of luck"); });
            wait();
        };
        EXPECT_DEATH(
            trial(),
            "weft: .*post_test.cpp:[0-9]+: a call that was posted here threw an exception that nobody can catch: "
            "out of luck");
    }
}

TEST(posted_call_death, that_was_prepared_and_throws_names_where_it_was_made) {
    auto trial = [] {
        weft::prepared_call prepared(weft::loop::current(), [] { throw std::runtime_error("out of luck"); });
        prepared.post();
        weft::sleep_for(1h);
    };
    EXPECT_DEATH(trial(), "post_test.cpp:[0-9]+: a call that was posted here threw .*: out of luck");
}

TEST(posted_call_death, that_calls_run) {
    auto trial = [] {
        weft::run([] {
            weft::loop::current().post([] { weft::run([] {}); });
            weft::sleep_for(1h);
        });
    };
    EXPECT_DEATH(trial(), "weft: .*post_test.cpp:[0-9]+: weft::run\\(\\) called by what the thread's loop runs");
}

TEST(posted_call_death, that_calls_run_in_run_some) {
    auto trial = [] {
        weft::loop::current().post([] { weft::run([] {}); });
        weft::loop::current().run_some(false);
    };
    EXPECT_DEATH(trial(), "weft::run\\(\\) called by what the thread's loop runs");
}

TEST(statistics, count_what_the_loop_does) {
    std::jthread([] {
        weft::loop loop;
        EXPECT_EQ(loop.statistics().turns, 0U);
        weft::run([&] {
            for (int i = 0; i < 10; ++i) {
                weft::yield();
            }
            weft::sleep_for(2ms);
        });
        auto now = loop.statistics();
        EXPECT_EQ(now.coroutines_run, 12U);  // its start, ten yields, and the end of its sleep
        EXPECT_EQ(now.timers_fired, 1U);
        EXPECT_GE(now.sleeps, 1U);
        EXPECT_GT(now.asleep, 0ns);
        EXPECT_GE(now.turns, 2U);  // before the sleep and after
        EXPECT_EQ(now.posted_run, 0U);
        EXPECT_EQ(now.woken_from_elsewhere, 0U);
    }).join();
}

TEST(statistics, tell_the_time_worked_from_the_time_slept) {
    std::jthread([] {
        weft::loop loop;
        weft::clock::time_point const begin = weft::clock::now();
        weft::run([] {
            weft::sleep_for(5ms);
            for (auto end = weft::clock::now() + 5ms; weft::clock::now() < end;) {
            }
            weft::yield();
        });
        auto const now = loop.statistics();
        EXPECT_GE(now.worked, 5ms);
        EXPECT_GE(now.asleep, 5ms);
        EXPECT_LE(now.worked + now.asleep, weft::clock::now() - begin);
    }).join();
}

TEST(statistics, polling_is_neither_work_nor_sleep) {
    std::jthread([] {
        weft::loop loop;
        loop.set_spin(1h);
        weft::clock::time_point const begin = weft::clock::now();
        weft::run([&] {
            weft::sleep_for(1ms);  // it polls from the next on, as it has slept for less than an hour
            auto const before = loop.statistics();
            weft::sleep_for(20ms);
            auto const after = loop.statistics();
            EXPECT_LT(after.worked - before.worked + after.asleep - before.asleep, 20ms);
        });
        auto const now = loop.statistics();
        EXPECT_LE(now.worked + now.asleep + 20ms, weft::clock::now() - begin);
    }).join();
}

TEST(statistics, count_what_comes_from_elsewhere_and_can_be_read_there) {
    weft::loop& loop = weft::loop::current();
    auto before = loop.statistics();
    weft::run([&] {
        std::jthread waker;
        for (int i = 0; i < 20; ++i) {
            weft::suspend([&](weft::handle h) {
                waker = std::jthread([&loop, h = std::move(h)]() mutable {
                    loop.post([] {});
                    EXPECT_GT(loop.statistics().turns, 0U);
                    h.wake();
                });
            });
        }
    });
    auto now = loop.statistics();
    EXPECT_EQ(now.woken_from_elsewhere - before.woken_from_elsewhere, 20U);
    EXPECT_EQ(now.posted_run - before.posted_run, 20U);
}

}  // namespace
