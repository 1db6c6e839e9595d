#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <latch>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/loop.hpp>
#include <weft/task.hpp>

#include "../instrumented.hpp"

namespace {

using namespace std::chrono_literals;

TEST(loop, fires_timers_in_order_of_their_deadlines) {
    std::vector<int> delays(1'000);
    std::iota(delays.begin(), delays.end(), 0);
    std::shuffle(delays.begin(), delays.end(), std::mt19937(1));
    std::vector<int> fired;
    struct recorder : weft::timer {
        std::vector<int>* into = nullptr;
        int delay = 0;
    };
    std::vector<recorder> timers(delays.size());
    weft::loop& loop = weft::loop::current();
    auto start = weft::clock::now();
    for (std::size_t i = 0; i < timers.size(); ++i) {
        timers[i].into = &fired;
        timers[i].delay = delays[i];
        timers[i].expired = [](weft::timer& t) noexcept {
            auto& r = static_cast<recorder&>(t);
            r.into->push_back(r.delay);
        };
        loop.arm(timers[i], start + delays[i] * 50us);
    }
    weft::sleep_until(start + 1'000 * 50us);  // later than the last of them
    EXPECT_EQ(fired.size(), timers.size());
    EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

TEST(loop, fires_no_timer_before_its_deadline) {
    bool fired = false;
    weft::timer t;
    t.waiter = &fired;
    t.expired = [](weft::timer& x) noexcept { *static_cast<bool*>(x.waiter) = true; };
    auto deadline = weft::clock::now() + 5ms;
    weft::loop::current().arm(t, deadline);
    weft::loop::current().run_until(fired);
    EXPECT_GE(weft::clock::now(), deadline);
}

TEST(loop, a_disarmed_timer_does_not_fire) {
    bool fired = false;
    weft::timer t;
    t.waiter = &fired;
    t.expired = [](weft::timer& x) noexcept { *static_cast<bool*>(x.waiter) = true; };
    weft::loop& loop = weft::loop::current();
    loop.arm(t, weft::clock::now() + 1ms);
    loop.disarm(t);
    weft::sleep_for(2ms);  // past its deadline
    EXPECT_FALSE(fired);
}

/// Arms itself again for a moment that is over, `left` times.
struct impatient : weft::timer {
    explicit impatient(int times) : left(times) {
        expired = [](weft::timer& t) noexcept {
            auto& me = static_cast<impatient&>(t);
            ++me.fired;
            if (me.left-- > 0) {
                weft::loop::current().arm(me, weft::clock::time_point::min());
            }
        };
        weft::loop::current().arm(*this, weft::clock::time_point::min());
    }
    impatient(impatient const&) = delete;
    impatient& operator=(impatient const&) = delete;
    ~impatient() { weft::loop::current().disarm(*this); }

    int left;
    int fired = 0;
};

TEST(loop, a_timer_that_arms_itself_in_the_past_fires_once_a_turn) {
    impatient t(1'000);
    for (int turn = 1; turn <= 3; ++turn) {
        weft::loop::current().run_once(true);
        EXPECT_EQ(t.fired, turn);
    }
}

TEST(loop, a_timer_that_always_arms_itself_in_the_past_holds_up_nobody) {
    impatient t(1'000'000'000);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    bool posted = false;
    weft::run([&] {
        weft::loop::current().post([&] { posted = true; });
        auto reader = weft::spawn([&] {
            weft::operation op{.what = weft::operation::kind::poll, .fd = ends[0], .flags = POLLIN};
            return weft::detail::wait_for(op, "a pipe", weft::call_site::here());
        });
        weft::sleep_for(1ms);
        EXPECT_EQ(write(ends[1], "x", 1), 1);
        EXPECT_EQ(reader.join(), POLLIN);
    });
    EXPECT_TRUE(posted);
    close(ends[0]);
    close(ends[1]);
}

TEST(loop, a_timer_that_always_arms_itself_in_the_past_and_runs_the_loop_holds_up_nobody) {
    struct nesting : weft::timer {
        int fired = 0;
    } t;
    t.expired = [](weft::timer& x) noexcept {
        auto& me = static_cast<nesting&>(x);
        weft::loop& loop = weft::loop::current();
        loop.run_once(false);
        if (++me.fired < 1'000) {
            loop.arm(me, weft::clock::time_point::min());
        }
    };
    weft::loop& loop = weft::loop::current();
    loop.arm(t, weft::clock::time_point::min());
    loop.run_once(true);
    EXPECT_EQ(t.fired, 1);
    loop.disarm(t);
}

TEST(loop, sleepers_wake_in_order_of_their_deadlines) {
    std::vector<int> order;
    weft::run([&] {
        weft::scope sleepers;
        auto start = weft::clock::now() + 1ms;
        for (int delay : {3, 1, 4, 0, 5, 2}) {
            sleepers.spawn([&order, start, delay] {
                weft::sleep_until(start + delay * 1ms);
                order.push_back(delay);
            });
        }
        sleepers.join();
    });
    EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4, 5}));
}

TEST(loop, sleep_for_works_outside_a_coroutine) {
    auto start = weft::clock::now();
    weft::sleep_for(3ms);
    EXPECT_GE(weft::clock::now() - start, 3ms);
}

TEST(loop, sleep_for_outside_a_coroutine_runs_the_loop_meanwhile) {
    bool ran = false;
    auto t = weft::spawn([&] { ran = true; });
    weft::sleep_for(1ms);
    EXPECT_TRUE(ran);
    t.join();
}

TEST(loop, a_sleep_of_no_or_negative_length_ends) {
    weft::run([] {
        weft::sleep_for(0ms);
        weft::sleep_for(-1s);
    });
}

TEST(loop, runs_what_was_posted_in_order_and_outside_coroutines) {
    std::vector<int> order;
    bool inside = false;
    bool done = false;
    weft::loop& loop = weft::loop::current();
    for (int i = 0; i < 10; ++i) {
        loop.post([&, i] {
            order.push_back(i);
            inside = inside || weft::in_coroutine();
            done = i == 9;
        });
    }
    loop.run_until(done);
    EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
    EXPECT_FALSE(inside);
}

TEST(loop, runs_what_other_threads_post_once_and_in_order_per_thread) {
    constexpr int threads = 4;
    constexpr int posts = 5'000;
    weft::loop& loop = weft::loop::current();
    std::vector<std::vector<int>> seen(threads);
    int total = 0;
    bool done = false;
    std::vector<std::jthread> posters;
    for (int t = 0; t < threads; ++t) {
        posters.emplace_back([&, t] {
            for (int i = 0; i < posts; ++i) {
                loop.post([&, t, i] {
                    seen[static_cast<std::size_t>(t)].push_back(i);
                    done = ++total == threads * posts;
                });
            }
        });
    }
    loop.run_until(done);
    std::vector<int> expected(posts);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(seen, std::vector(threads, expected));
}

TEST(loop, a_post_ends_its_sleep) {
    weft::loop& loop = weft::loop::current();
    for (int i = 0; i < 1'000; ++i) {  // the post comes at another point of falling asleep each time
        bool done = false;
        std::jthread poster([&] { loop.post([&] { done = true; }); });
        loop.run_until(done);
    }
}

TEST(loop, what_was_posted_may_post_again) {
    weft::loop& loop = weft::loop::current();
    bool done = false;
    loop.post([&] { loop.post([&] { done = true; }); });
    loop.run_until(done);
    EXPECT_TRUE(done);
}

TEST(loop, drops_what_was_posted_and_not_run_when_it_ends) {
    auto resource = std::make_shared<int>(1);
    bool ran = false;
    std::jthread([&] {
        weft::loop loop;
        loop.post([&ran, resource] { ran = true; });
    }).join();
    EXPECT_FALSE(ran);
    EXPECT_EQ(resource.use_count(), 1);
}

TEST(loop, no_wake_up_between_two_loops_is_lost) {
    constexpr int rounds = weft_test::how_many(100'000, 20'000);
    struct side {
        weft::handle parked;
        int turns = 0;
    };
    side sides[2];
    std::latch first_is_parked(1);
    std::latch both_are_done(2);  // neither loop ends while the other may still be waking it
    auto play = [&](std::size_t me) {
        weft::run([&, me] {
            side& mine = sides[me];
            side& theirs = sides[1 - me];
            if (me == 0) {
                weft::suspend([&](weft::handle h) {
                    mine.parked = std::move(h);
                    first_is_parked.count_down();
                });
            } else {
                first_is_parked.wait();
            }
            while (++mine.turns < rounds) {
                weft::handle other = std::move(theirs.parked);
                weft::suspend([&mine, &other](weft::handle h) {
                    mine.parked = std::move(h);
                    other.wake();
                });
            }
            if (theirs.parked) {
                theirs.parked.wake();
            }
        });
        both_are_done.arrive_and_wait();
    };
    {
        std::jthread a(play, std::size_t{0});
        std::jthread b(play, std::size_t{1});
    }
    EXPECT_EQ(sides[0].turns, rounds);
    EXPECT_EQ(sides[1].turns, rounds);
}

TEST(loop, may_end_as_soon_as_its_last_coroutine_was_woken_from_elsewhere) {
    for (int round = 0; round < 300; ++round) {
        weft::handle parked;
        std::latch is_parked(1);
        std::jthread sleeper([&] {
            weft::run([&] {
                weft::suspend([&](weft::handle h) {
                    parked = std::move(h);
                    is_parked.count_down();
                });
            });
        });
        is_parked.wait();
        parked.wake();
    }
}

TEST(loop, coroutines_that_yield_for_ever_do_not_starve_a_timer) {
    bool stop = false;
    weft::run([&] {
        weft::scope spinners;
        for (int i = 0; i < 2; ++i) {
            spinners.spawn([&] {
                while (!stop) {
                    weft::yield();
                }
            });
        }
        weft::sleep_for(1ms);
        stop = true;
        spinners.join();
    });
    EXPECT_TRUE(stop);
}

TEST(loop, coroutines_that_yield_for_ever_do_not_starve_a_posted_call) {
    bool stop = false;
    weft::loop& loop = weft::loop::current();
    weft::run([&] {
        weft::scope spinners;
        for (int i = 0; i < 2; ++i) {
            spinners.spawn([&] {
                while (!stop) {
                    weft::yield();
                }
            });
        }
        weft::yield();
        std::jthread poster([&] { loop.post([&] { stop = true; }); });
        spinners.join();
    });
    EXPECT_TRUE(stop);
}

/// Two coroutines that wake each other for ever, as fast as they can.
class ping_pong {
public:
    void play() {
        while (!stop) {
            weft::handle other = std::move(parked_);
            weft::suspend([&](weft::handle h) {
                parked_ = std::move(h);
                if (other) {
                    other.wake();
                }
            });
        }
        if (parked_) {
            parked_.wake();
        }
    }
    bool stop = false;

private:
    weft::handle parked_;
};

TEST(loop, coroutines_that_wake_each_other_for_ever_starve_neither_a_timer_nor_io_nor_a_post) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    weft::loop& loop = weft::loop::current();
    weft::run([&] {
        ping_pong game;
        weft::scope players;
        players.spawn([&] { game.play(); });
        players.spawn([&] { game.play(); });
        weft::sleep_for(1ms);
        weft::operation op{.what = weft::operation::kind::poll, .fd = ends[0], .flags = POLLIN};
        std::jthread writer([&] { EXPECT_EQ(write(ends[1], "x", 1), 1); });
        EXPECT_EQ(weft::detail::wait_for(op, "a pipe", weft::call_site::here()), POLLIN);
        std::jthread poster([&] { loop.post([&] { game.stop = true; }); });
        players.join();
    });
    weft::loop::current().system().closing(ends[0]);
    close(ends[0]);
    close(ends[1]);
}

TEST(loop, coroutines_run_in_the_order_in_which_they_were_woken) {
    weft::run([] {
        constexpr std::size_t count = 1'000;  // more than a turn runs
        std::vector<weft::handle> parked(count);
        std::vector<std::size_t> ran;
        weft::scope sleepers;
        for (std::size_t i = 0; i < count; ++i) {
            sleepers.spawn([&, i] {
                weft::suspend([&](weft::handle h) { parked[i] = std::move(h); });
                ran.push_back(i);
            });
        }
        while (!parked.back()) {
            weft::yield();
        }
        std::vector<std::size_t> order(count);
        std::iota(order.begin(), order.end(), 0U);
        std::shuffle(order.begin(), order.end(), std::mt19937(3));
        for (std::size_t i : order) {
            parked[i].wake();
        }
        sleepers.join();
        EXPECT_EQ(ran, order);
    });
}

TEST(loop, now_does_not_change_within_a_turn) {
    weft::run([] {
        auto before = weft::loop::current().now();
        EXPECT_LE(before, weft::clock::now());
        EXPECT_EQ(weft::loop::current().now(), before);
    });
}

TEST(loop, is_the_same_one_each_time_on_a_thread_and_another_on_another) {
    weft::loop* mine = &weft::loop::current();
    EXPECT_EQ(mine, &weft::loop::current());
    weft::loop* theirs = nullptr;
    std::jthread([&] { theirs = &weft::loop::current(); }).join();
    EXPECT_NE(theirs, nullptr);
}

/// Sets WEFT_REACTOR for one test.
class reactor_choice : public testing::Test {
protected:
    void SetUp() override {
        if (char const* value = std::getenv("WEFT_REACTOR")) {
            before_ = value;
        }
    }
    void TearDown() override {
        before_.empty() ? unsetenv("WEFT_REACTOR") : setenv("WEFT_REACTOR", before_.c_str(), 1);
    }

private:
    std::string before_;
};

TEST_F(reactor_choice, the_environment_names_the_reactor) {
    for (char const* name : {"io_uring", "epoll"}) {
        setenv("WEFT_REACTOR", name, 1);
        EXPECT_EQ(weft::make_reactor()->name(), name);
    }
}

TEST_F(reactor_choice, a_loop_says_which_reactor_it_has) {
    setenv("WEFT_REACTOR", "epoll", 1);
    std::jthread([] { EXPECT_EQ(weft::loop::current().reactor_name(), "epoll"); }).join();
}

TEST_F(reactor_choice, a_name_that_is_asked_for_goes_before_the_environment) {
    setenv("WEFT_REACTOR", "io_uring", 1);
    EXPECT_EQ(weft::make_reactor("epoll")->name(), "epoll");
}

TEST_F(reactor_choice, there_is_one_without_the_environment) {
    unsetenv("WEFT_REACTOR");
    EXPECT_FALSE(weft::make_reactor()->name().empty());
}

TEST_F(reactor_choice, an_unknown_name_is_an_invalid_argument_that_names_it) {
    setenv("WEFT_REACTOR", "kqueue", 1);
    try {
        auto made = weft::make_reactor();
        FAIL() << "made " << made->name();
    } catch (std::invalid_argument const& e) {
        EXPECT_NE(std::string(e.what()).find("'kqueue'"), std::string::npos) << e.what();
    }
}

TEST(loop_death, a_second_loop_on_a_thread) {
    EXPECT_DEATH(
        {
            weft::loop first;
            weft::loop second;
        },
        "weft: a second weft::loop on one thread");
}

TEST(loop_death, run_inside_one_of_its_coroutines) {
    EXPECT_DEATH(weft::run([] { weft::loop::current().run_once(false); }),
                 "weft: a loop was run from inside a coroutine");
}

}  // namespace
