// Channels, and select().

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <weft/channel.hpp>
#include <weft/limit.hpp>
#include <weft/task.hpp>

#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::error_code error_of(auto f) {
    try {
        f();
    } catch (std::system_error const& e) {
        return e.code();
    }
    return {};
}

template <class T>
std::vector<T> drain(weft::channel<T>& from) {
    std::vector<T> all;
    for (T& value : from) {
        all.push_back(std::move(value));
    }
    return all;
}

class channel_of : public testing::TestWithParam<std::size_t> {};

TEST_P(channel_of, hands_over_in_order) {
    weft::run([&] {
        weft::channel<int> c(GetParam());
        weft::scope s;
        s.spawn([&] {
            for (int i = 0; i < 100; ++i) {
                EXPECT_TRUE(c.send(i));
            }
            c.close();
        });
        std::vector<int> expected(100);
        std::iota(expected.begin(), expected.end(), 0);
        EXPECT_EQ(drain(c), expected);
        s.join();
    });
}

TEST_P(channel_of, moves_what_can_only_be_moved) {
    weft::run([&] {
        weft::channel<std::unique_ptr<std::string>> c(GetParam());
        auto sends = weft::spawn([&] { return c.send(std::make_unique<std::string>("hello")); });
        EXPECT_EQ(**c.receive(), "hello");
        EXPECT_TRUE(sends.join());
    });
}

TEST_P(channel_of, closing_lets_receivers_go_and_keeps_what_was_sent) {
    weft::run([&] {
        weft::channel<int> c(GetParam());
        auto receives = weft::spawn([&] { return drain(c); });
        EXPECT_TRUE(c.send(1));
        EXPECT_TRUE(c.send(2));
        c.close();
        c.close();
        EXPECT_TRUE(c.closed());
        EXPECT_FALSE(c.send(3));
        EXPECT_THAT(receives.join(), ElementsAre(1, 2));
        EXPECT_EQ(c.receive(), std::nullopt);
    });
}

TEST_P(channel_of, between_threads_loses_nothing) {
    constexpr int senders = 3;
    constexpr int each = 2000;
    weft::channel<int> c(GetParam());
    std::vector<std::thread> threads;
    std::atomic<int> left{senders};
    for (int t = 0; t < senders; ++t) {
        threads.emplace_back([&, t] {
            auto send_all = [&] {
                for (int i = 0; i < each; ++i) {
                    EXPECT_TRUE(c.send(t * each + i));
                }
                if (--left == 0) {
                    c.close();
                }
            };
            if (t == 0) {
                send_all();  // without a loop
            } else {
                weft::run(send_all);
            }
        });
    }
    std::vector<char> seen(senders * each);
    std::vector<int> last(senders, -1);
    weft::run([&] {
        for (int value : c) {
            ++seen[static_cast<std::size_t>(value)];
            int& before = last[static_cast<std::size_t>(value / each)];
            EXPECT_LT(before, value);
            before = value;
        }
    });
    EXPECT_THAT(seen, testing::Each(1));
    for (auto& t : threads) {
        t.join();
    }
}

INSTANTIATE_TEST_SUITE_P(capacity, channel_of, testing::Values(0, 1, 3, weft::channel<int>::unbounded));

TEST(channel, a_sender_waits_while_it_is_full) {
    weft::run([] {
        weft::channel<int> c(2);
        EXPECT_TRUE(c.send(1));
        EXPECT_TRUE(c.send(2));
        EXPECT_EQ(c.size(), 2U);
        auto third = weft::spawn([&] { return c.send(3); });
        weft::yield();
        EXPECT_FALSE(third.done());
        EXPECT_EQ(c.receive(), 1);
        EXPECT_TRUE(third.join());
        EXPECT_EQ(c.receive(), 2);
        EXPECT_EQ(c.receive(), 3);
    });
}

TEST(channel, senders_that_wait_are_served_in_order) {
    weft::run([] {
        weft::channel<int> c(1);
        weft::scope s;
        for (int i = 0; i < 5; ++i) {
            s.spawn([&, i] { EXPECT_TRUE(c.send(i)); });
        }
        weft::yield();
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(c.receive(), i);
        }
        s.join();
    });
}

TEST(channel, receivers_that_wait_are_served_in_order) {
    weft::run([] {
        weft::channel<int> c;
        std::vector<std::pair<int, int>> got;
        weft::scope s;
        for (int i = 0; i < 4; ++i) {
            s.spawn([&, i] {
                int value = *c.receive();
                got.emplace_back(i, value);
            });
        }
        weft::yield();
        for (int i = 0; i < 4; ++i) {
            EXPECT_TRUE(c.send(i));
        }
        s.join();
        EXPECT_THAT(got, ElementsAre(std::pair(0, 0), std::pair(1, 1), std::pair(2, 2), std::pair(3, 3)));
    });
}

TEST(channel, closing_lets_senders_keep_their_values) {
    weft::run([] {
        weft::channel<std::string> c;
        std::string kept = "mine";
        auto sends = weft::spawn([&] { return c.send(std::move(kept)); });
        weft::yield();
        c.close();
        EXPECT_FALSE(sends.join());
        EXPECT_EQ(kept, "mine");
    });
}

TEST(channel, trying_never_waits) {
    weft::channel<int> meeting;
    EXPECT_FALSE(meeting.try_send(1));
    EXPECT_EQ(meeting.try_receive(), std::nullopt);
    weft::channel<int> one(1);
    EXPECT_TRUE(one.try_send(1));
    EXPECT_FALSE(one.try_send(2));
    EXPECT_EQ(one.try_receive(), 1);
    EXPECT_EQ(one.try_receive(), std::nullopt);
    one.close();
    EXPECT_FALSE(one.try_send(3));
}

TEST(channel, copies_what_is_to_stay_with_the_sender) {
    weft::channel<std::string> words(2);
    std::string const word = "warp";
    EXPECT_TRUE(words.send(word));
    EXPECT_TRUE(words.try_send(word));
    EXPECT_FALSE(words.try_send(word)) << "there is no room";
    words.close();
    EXPECT_THAT(drain(words), ElementsAre("warp", "warp"));
}

TEST(channel, a_deadline_ends_the_wait_and_nothing_is_lost) {
    weft::run([] {
        weft::channel<std::string> c;
        EXPECT_EQ(error_of([&] { weft::with_limit(1ms, [&] { return c.receive(); }); }), std::errc::timed_out);
        std::string value = "kept";
        EXPECT_EQ(error_of([&] { weft::with_limit(1ms, [&] { return c.send(std::move(value)); }); }),
                  std::errc::timed_out);
        EXPECT_EQ(value, "kept");
        EXPECT_EQ(c.try_receive(), std::nullopt);
    });
}

TEST(channel, a_value_granted_to_a_receiver_that_is_cancelled_is_received) {
    weft::run([] {
        weft::channel<int> c;
        auto receives = weft::spawn([&] { return c.receive(); });
        weft::yield();
        EXPECT_TRUE(c.send(7));  // has been given to it, but it has not run yet
        receives.cancel();
        EXPECT_EQ(receives.join(), 7);
    });
}

TEST(channel, values_that_nobody_received_are_destroyed) {
    auto counted = std::make_shared<int>(1);
    {
        weft::channel<std::shared_ptr<int>> c(4);
        EXPECT_TRUE(c.send(counted));
        EXPECT_TRUE(c.send(counted));
        EXPECT_EQ(counted.use_count(), 3);
    }
    EXPECT_EQ(counted.use_count(), 1);
}

TEST(channel_death, destroyed_while_somebody_waits) {
    auto destroy = [] {
        weft::run([] {
            auto c = std::make_unique<weft::channel<int>>();
            auto waits = weft::spawn([&] { return c->receive(); });
            weft::yield();
            c.reset();
        });
    };
    EXPECT_DEATH(destroy(), "weft::channel was destroyed while somebody waits in it");
}

// ---- select -----------------------------------------------------------------------------------------------------------

TEST(select, takes_what_is_there) {
    weft::channel<int> numbers(1);
    weft::channel<std::string> words(1);
    EXPECT_TRUE(words.send("hello"));
    auto first = weft::select(weft::when::received(numbers), weft::when::received(words));
    ASSERT_EQ(first.index(), 1U);
    EXPECT_EQ(*std::get<1>(first), "hello");
}

TEST(select, waits_for_the_first_and_takes_nothing_of_the_others) {
    weft::run([] {
        weft::channel<int> numbers;
        weft::channel<std::string> words;
        weft::mutex m;
        m.lock();
        weft::semaphore units(5);
        units.acquire(4);
        std::string outgoing = "mine";
        weft::channel<std::string> out;
        auto selects = weft::spawn([&] {
            return weft::select(weft::when::received(numbers), weft::when::received(words), weft::when::locked(m),
                                weft::when::acquired(units, 2), weft::when::sent(out, outgoing));
        });
        weft::yield();
        EXPECT_TRUE(numbers.send(3));
        m.unlock();
        units.release(4);
        EXPECT_EQ(out.try_receive(), std::nullopt);
        EXPECT_FALSE(words.try_send("nobody"));
        auto first = selects.join();
        ASSERT_EQ(first.index(), 0U);
        EXPECT_EQ(std::get<0>(first), 3);
        EXPECT_EQ(outgoing, "mine");
        EXPECT_EQ(units.available(), 5);
        EXPECT_TRUE(m.try_lock());
        m.unlock();
    });
}

TEST(select, each_kind_of_case_can_win) {
    weft::run([] {
        weft::channel<int> in;
        weft::channel<int> out;
        weft::mutex m;
        weft::semaphore units(1);
        weft::wait_queue queue;
        std::vector<std::function<void()>> fire{[&] { EXPECT_TRUE(in.send(1)); }, [&] { EXPECT_EQ(out.receive(), 42); },
                                                [&] { m.unlock(); }, [&] { units.release(); },
                                                [&] { EXPECT_TRUE(queue.wake_one()); }};
        for (std::size_t i = 0; i < fire.size(); ++i) {
            m.lock();
            units.acquire();
            int value = 42;
            auto selects = weft::spawn([&] {
                auto first = weft::select(weft::when::received(in), weft::when::sent(out, value), weft::when::locked(m),
                                          weft::when::acquired(units), weft::when::woken(queue));
                if (first.index() == 2) {
                    m.unlock();
                }
                return first.index();
            });
            weft::yield();
            fire[i]();
            EXPECT_EQ(selects.join(), i);
            if (i != 2) {
                m.unlock();
            }
            units.release(i == 3 ? 1 : 1);
            EXPECT_EQ(units.available(), 1);
            EXPECT_TRUE(queue.empty());
        }
    });
}

TEST(select, a_case_that_is_always_ready_does_not_starve_the_others) {
    weft::channel<int> a(1);
    weft::channel<int> b(1);
    int of_b = 0;
    for (int i = 0; i < 100; ++i) {
        (void)a.try_send(1);
        (void)b.try_send(1);
        of_b += weft::select(weft::when::received(a), weft::when::received(b)).index() == 1 ? 1 : 0;
    }
    EXPECT_GT(of_b, 25);
    EXPECT_LT(of_b, 75);
}

TEST(select, of_any_number_that_take_turns_starves_no_case) {
    constexpr int rounds = 150;
    for (int selectors = 2; selectors <= 6; ++selectors) {
        weft::run([&] {
            weft::scope all;
            for (int i = 0; i < selectors; ++i) {
                all.spawn([&] {
                    weft::event a(weft::event::manual, true);
                    weft::event b(weft::event::manual, true);
                    weft::event c(weft::event::manual, true);
                    std::array<int, 3> taken{};
                    for (int round = 0; round < rounds; ++round) {
                        ++taken[weft::select(weft::when::happened(a), weft::when::happened(b), weft::when::happened(c))
                                    .index()];
                        weft::yield();
                    }
                    for (int times : taken) {
                        EXPECT_GT(times, rounds / 10) << selectors << " take turns";
                    }
                });
            }
            all.join();
        });
    }
}

TEST(select, a_closed_channel_is_ready) {
    weft::run([] {
        weft::channel<int> c;
        weft::channel<int> other;
        auto receives = weft::spawn([&] { return weft::select(weft::when::received(c), weft::when::received(other)); });
        int value = 5;
        auto sends = weft::spawn([&] { return weft::select(weft::when::received(other), weft::when::sent(c, value)); });
        weft::yield();
        // The two have met in c; so they have not in a closed one.
        EXPECT_EQ(std::get<0>(receives.join()), 5);
        EXPECT_TRUE(std::get<1>(sends.join()));

        receives = weft::spawn([&] { return weft::select(weft::when::received(c), weft::when::received(other)); });
        weft::yield();
        c.close();
        EXPECT_EQ(std::get<0>(receives.join()), std::nullopt);
        EXPECT_FALSE(std::get<1>(weft::select(weft::when::received(other), weft::when::sent(c, value))));
    });
}

TEST(select, the_same_thing_twice) {
    weft::run([] {
        weft::channel<int> c;
        auto selects = weft::spawn([&] { return weft::select(weft::when::received(c), weft::when::received(c)); });
        weft::yield();
        EXPECT_TRUE(c.send(1));
        EXPECT_LT(selects.join().index(), 2U);
        EXPECT_EQ(c.try_receive(), std::nullopt);
    });
}

TEST(select, cancelled_or_too_late_it_has_taken_nothing) {
    weft::run([] {
        weft::channel<int> a;
        weft::channel<int> b;
        auto both = [&] { return weft::select(weft::when::received(a), weft::when::received(b)); };
        EXPECT_EQ(error_of([&] { weft::with_limit(1ms, both); }), std::errc::timed_out);
        EXPECT_FALSE(a.try_send(1));
        auto cancelled = weft::spawn([&] { EXPECT_EQ(error_of(both), std::errc::operation_canceled); });
        weft::yield();
        cancelled.cancel();
        cancelled.join();
        EXPECT_FALSE(b.try_send(1));
    });
}

TEST(select, a_waiter_behind_one_that_was_granted_something_else_gets_it) {
    weft::run([] {
        weft::channel<int> a;
        weft::channel<int> b;
        auto selects = weft::spawn([&] { return weft::select(weft::when::received(a), weft::when::received(b)); });
        auto receives = weft::spawn([&] { return b.receive(); });
        weft::yield();
        EXPECT_TRUE(a.send(1));  // the select is over, but has not run yet
        EXPECT_TRUE(b.send(2));  // so this is for the second
        EXPECT_EQ(receives.join(), 2);
        EXPECT_EQ(std::get<0>(selects.join()), 1);
    });
}

TEST(select, between_threads_each_value_is_taken_once) {
    constexpr int count = 3000;
    weft::channel<int> a;
    weft::channel<int> b(2);
    std::vector<std::thread> threads;
    std::atomic<std::int64_t> sum{0};
    std::atomic<int> received{0};
    for (weft::channel<int>* c : {&a, &b}) {
        threads.emplace_back([c] {
            weft::run([&] {
                for (int i = 1; i <= count; ++i) {
                    ASSERT_TRUE(c->send(i));
                }
            });
        });
    }
    auto receive = [&] {
        bool open_a = true;
        bool open_b = true;
        while (open_a || open_b) {
            auto got = weft::select(weft::when::received(a), weft::when::received(b));
            auto& value = got.index() == 0 ? std::get<0>(got) : std::get<1>(got);
            if (!value) {
                (got.index() == 0 ? open_a : open_b) = false;
                continue;
            }
            sum += *value;
            ++received;
        }
    };
    std::vector<std::thread> receivers;
    receivers.emplace_back(receive);
    receivers.emplace_back([&] { weft::run(receive); });
    for (auto& t : threads) {
        t.join();
    }
    a.close();
    b.close();
    for (auto& t : receivers) {
        t.join();
    }
    EXPECT_EQ(received, 2 * count);
    EXPECT_EQ(sum, std::int64_t{count} * (count + 1));
}

}  // namespace
