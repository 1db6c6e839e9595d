// Who runs next: the order of turns, of few and of thousands, and what a yield goes to.

#include <gtest/gtest.h>

#include <cfenv>
#include <exception>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/loop.hpp>
#include <weft/task.hpp>

#include "../instrumented.hpp"

namespace {

TEST(turns, thousands_that_yield_have_theirs_in_order) {
    constexpr int tasks = 3'000, rounds = 5;
    std::vector<int> order;
    weft::run([&] {
        weft::scope all;
        for (int i = 0; i < tasks; ++i) {
            all.spawn([&order, i] {
                for (int round = 0; round < rounds; ++round) {
                    order.push_back(i);
                    weft::yield();
                }
            });
        }
        all.join();
    });
    ASSERT_EQ(order.size(), std::size_t{tasks} * rounds);
    for (std::size_t i = 0; i < order.size(); ++i) {
        ASSERT_EQ(order[i], static_cast<int>(i % tasks)) << i;
    }
}

// A long ready queue remembers those that were pushed last, and these may be gone by the time the next one comes.
TEST(turns, thousands_of_which_some_end_and_are_followed_by_others_are_all_run) {
    constexpr int tasks = weft_test::how_many(20'000, 4'000), at_once = 1'000;
    std::mt19937 random(5);
    int started = 0, ended = 0;
    weft::run([&] {
        weft::scope all;
        auto start = [&](auto& again) -> void {
            ++started;
            all.spawn([&, yields = random() % 40] {
                for (unsigned i = 0; i < yields; ++i) {
                    weft::yield();
                }
                ++ended;
                if (started < tasks) {
                    again(again);
                }
            });
        };
        while (started < at_once) {
            start(start);
        }
        all.join();
    });
    EXPECT_EQ(started, tasks);
    EXPECT_EQ(ended, tasks);
}

TEST(turns, a_yield_of_a_coroutine_that_a_task_has_entered_goes_to_that_task) {
    std::string order;
    weft::run([&] {
        weft::task<void> other = weft::spawn([&] { order += 'o'; });
        weft::coroutine inner([&] {
            order += '1';
            weft::yield();
            order += '3';
        });
        inner.enter();
        order += '2';
        inner.enter();
        other.join();
    });
    EXPECT_EQ(order, "123o");
}

TEST(turns, a_yield_of_a_task_that_has_entered_others_goes_to_the_next_task_and_comes_back) {
    std::string order;
    weft::run([&] {
        weft::task<void> other = weft::spawn([&] {
            order += 'a';
            weft::yield();
            order += 'b';
        });
        weft::coroutine inner([&] {
            for (;;) {
                order += 'i';
                weft::yield();
            }
        });
        inner.enter();
        weft::yield();
        inner.enter();
        weft::yield();
        order += '.';
        other.join();
    });
    EXPECT_EQ(order, "iaib.");
}

TEST(turns, those_that_yield_inside_a_catch_block_keep_their_exceptions_among_those_that_do_not) {
    weft::run([&] {
        weft::scope all;
        for (int i = 0; i < 6; ++i) {
            all.spawn([i] {
                for (int round = 0; round < 10; ++round) {
                    if ((i + round) % 3 != 0) {
                        weft::yield();
                        EXPECT_EQ(std::current_exception(), nullptr);
                        continue;
                    }
                    try {
                        throw std::runtime_error(std::to_string(i));
                    } catch (std::runtime_error const&) {
                        weft::yield();
                        try {
                            throw;
                        } catch (std::runtime_error const& mine) {
                            EXPECT_EQ(mine.what(), std::to_string(i));
                        }
                    }
                }
            });
        }
        all.join();
    });
}

TEST(turns, one_that_keeps_its_rounding_mode_keeps_it_among_those_that_do_not) {
    int const before = std::fegetround();
    weft::run([&] {
        weft::scope all;
        for (int i = 0; i < 4; ++i) {
            bool keeps = i % 2 == 0;
            all.spawn({.keep_fpu_control = keeps}, [keeps, before] {
                if (keeps) {
                    std::fesetround(FE_UPWARD);
                }
                for (int round = 0; round < 5; ++round) {
                    weft::yield();
                    EXPECT_EQ(std::fegetround(), keeps ? FE_UPWARD : before);
                }
            });
        }
        all.join();
    });
}

TEST(turns, each_counts_as_one_run_of_a_coroutine) {
    weft::run([&] {
        auto so_far = [] { return weft::loop::current().statistics().coroutines_run; };
        weft::yield();  // the numbers are those of whole turns
        weft::task<void> other = weft::spawn([] {
            for (int i = 0; i < 1'000; ++i) {
                weft::yield();
            }
        });
        std::uint64_t before = so_far();
        other.join();
        weft::sleep_for(std::chrono::nanoseconds(0));  // the turn of the last one has ended
        EXPECT_GE(so_far() - before, 1'000U);
    });
}

}  // namespace
