// Coroutines that wait, and that go on in another thread.

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;

thread_local int tag = 0;

[[gnu::noinline]] int tag_of_this_thread() {
    asm volatile("");
    return tag;
}

/// clang takes the address for a constant, and uses that in place of the result, unless it can't see where the result comes from.
[[gnu::noinline]] int* address_of_tag() {
    int* address = &tag;
    asm volatile("" : "+r"(address));
    return address;
}

/// Two threads that take turns: `first`, then `second`, and so on, each `turns` times.
template <class First, class Second>
void take_turns(int turns, First first, Second second) {
    std::binary_semaphore first_may{1}, second_may{0};
    std::jthread other([&] {
        for (int i = 0; i < turns; ++i) {
            second_may.acquire();
            second();
            first_may.release();
        }
    });
    for (int i = 0; i < turns; ++i) {
        first_may.acquire();
        first();
        second_may.release();
    }
}

TEST(migration, of_one_that_enters_others_goes_back_to_whoever_entered_it_last) {
    std::vector<int> seen;
    coroutine outer([&] {
        coroutine inner([&] {
            for (;;) {
                seen.push_back(tag_of_this_thread());
                weft::yield();
            }
        });
        for (;;) {
            inner.enter();
            inner.enter();  // the second finds put aside what the first has put aside
            weft::yield();
        }
    });
    take_turns(
        20,
        [&] {
            tag = 1;
            outer.enter();
            seen.push_back(10 + tag_of_this_thread());
        },
        [&] {
            tag = 2;
            outer.enter();
            seen.push_back(10 + tag_of_this_thread());
        });
    std::vector<int> expected;
    for (int i = 0; i < 20; ++i) {
        expected.insert(expected.end(), {1, 1, 11, 2, 2, 12});
    }
    EXPECT_EQ(seen, expected);
}

TEST(migration, at_each_yield_shows_the_thread_locals_of_the_thread_that_enters) {
    std::vector<int> seen;
    coroutine co([&] {
        for (int i = 0; i < 100; ++i) {
            seen.push_back(tag_of_this_thread());
            weft::yield();
        }
    });
    take_turns(
        50,
        [&] {
            tag = 1;
            co.enter();
        },
        [&] {
            tag = 2;
            co.enter();
        });
    for (std::size_t i = 0; i < seen.size(); ++i) {
        ASSERT_EQ(seen[i], i % 2 == 0 ? 1 : 2);
    }
    EXPECT_EQ(seen.size(), 100U);
    tag = 0;
}

TEST(migration, moves_what_a_coroutine_writes_to_the_thread_that_enters) {
    int written_by_first = 0, written_by_second = 0;
    coroutine co([&] {
        for (;;) {
            ++*address_of_tag();
            weft::yield();
            ++*address_of_tag();
            weft::yield();
        }
    });
    tag = 0;
    take_turns(
        20,
        [&] {
            co.enter();
            written_by_first = tag;
        },
        [&] {
            co.enter();
            written_by_second = tag;
        });
    EXPECT_EQ(written_by_first, 20);
    EXPECT_EQ(written_by_second, 20);
    tag = 0;
}

/// What docs/platforms.md says of errno: it is reached through a function that is not inlined.
[[gnu::noinline]] int errno_of_this_thread() {
    asm volatile("");
    return errno;
}

[[gnu::noinline]] void set_errno_of_this_thread(int error) {
    asm volatile("");
    errno = error;
}

TEST(migration, takes_along_no_errno) {
    int seen = 0;
    int of_second = 0;
    coroutine co([&] {
        set_errno_of_this_thread(EAGAIN);
        weft::yield();
        seen = errno_of_this_thread();
        set_errno_of_this_thread(ENOENT);
    });
    errno = 0;
    co.enter();
    std::thread([&] {
        errno = EBUSY;
        co.enter();
        of_second = errno;
    }).join();
    EXPECT_EQ(seen, EBUSY);
    EXPECT_EQ(of_second, ENOENT);
    EXPECT_EQ(errno, EAGAIN);
}

TEST(migration, starts_elsewhere_than_where_it_was_created) {
    std::thread::id ran_on, created_on = std::this_thread::get_id();
    coroutine co([&] { ran_on = std::this_thread::get_id(); });
    std::thread([&] { co.enter(); }).join();
    EXPECT_NE(ran_on, created_on);
    EXPECT_TRUE(co.done());
}

TEST(migration, of_one_whose_creator_thread_has_ended) {
    coroutine co;
    int steps = 0;
    std::thread([&] {
        co = coroutine([&] {
            ++steps;
            weft::yield();
            ++steps;
        });
        co.enter();
    }).join();
    co.enter();
    EXPECT_EQ(steps, 2);
}

TEST(migration, of_one_that_enters_another_takes_only_the_outer_along) {
    std::vector<std::string> log;
    coroutine inner([&] {
        for (;;) {
            log.emplace_back("inner");
            weft::yield();
        }
    });
    coroutine outer([&] {
        for (;;) {
            inner.enter();
            log.emplace_back("outer");
            weft::yield();
        }
    });
    take_turns(
        3, [&] { outer.enter(); }, [&] { outer.enter(); });
    EXPECT_EQ(log.size(), 12U);
    EXPECT_FALSE(weft::in_coroutine());
}

TEST(migration, of_many_between_many_threads_loses_no_step) {
    constexpr int coroutines = 64, threads = 4, steps = 50;
    std::vector<int> counts(coroutines, 0);
    std::vector<coroutine> all;
    for (int c = 0; c < coroutines; ++c) {
        all.emplace_back([&count = counts[static_cast<std::size_t>(c)]] {
            for (int i = 0; i < steps; ++i) {
                ++count;
                weft::yield();
            }
        });
    }
    for (int round = 0; round < steps; ++round) {  // each round, another thread has a share
        std::vector<std::jthread> team;
        for (int t = 0; t < threads; ++t) {
            team.emplace_back([&, t] {
                for (int c = 0; c < coroutines; ++c) {
                    if ((c + round) % threads == t) {
                        all[static_cast<std::size_t>(c)].enter();
                    }
                }
            });
        }
    }
    EXPECT_EQ(counts, std::vector<int>(coroutines, steps));
}

TEST(waiting, calls_the_function_once_after_it_has_parked) {
    int calls = 0;
    bool still_running = true;
    weft::handle kept;
    coroutine co([&] {
        weft::suspend([&](weft::handle h) {
            ++calls;
            still_running = weft::in_coroutine();
            kept = std::move(h);
        });
    });
    co.enter();
    EXPECT_EQ(calls, 1);
    EXPECT_FALSE(still_running);
    kept.wake();
    co.enter();
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(co.done());
}

TEST(waiting, in_a_nested_one_calls_the_function_in_the_coroutine_that_entered) {
    std::uint64_t called_in = 0;
    weft::handle kept;
    coroutine inner([&] {
        weft::suspend([&](weft::handle h) {
            called_in = weft::self().id();
            kept = std::move(h);
        });
    });
    coroutine outer([&] { inner.enter(); });
    outer.enter();
    EXPECT_EQ(called_in, outer.id());
    kept.wake();
    inner.enter();
}

TEST(waiting, may_be_woken_by_the_function_itself) {
    bool ended = false;
    coroutine co([&] {
        weft::suspend([](weft::handle h) { h.wake(); });
        ended = true;
    });
    co.enter();
    EXPECT_FALSE(ended);
    co.enter();
    EXPECT_TRUE(ended);
}

TEST(waiting, takes_a_function_that_only_moves) {
    weft::handle kept;
    coroutine co([&] {
        auto owned = std::make_unique<int>(3);
        weft::suspend([&kept, owned = std::move(owned)](weft::handle h) mutable {
            EXPECT_EQ(*owned, 3);
            kept = std::move(h);
        });
    });
    co.enter();
    kept.wake();
    co.enter();
    EXPECT_TRUE(co.done());
}

TEST(waiting, a_thousand_times_for_another_thread) {
    constexpr int rounds = 1'000;
    std::binary_semaphore waits{0}, woken{0};
    weft::handle kept;
    std::jthread waker([&] {
        for (int i = 0; i < rounds; ++i) {
            waits.acquire();
            kept.wake();
            woken.release();
        }
    });
    int resumed = 0;
    coroutine co([&] {
        for (int i = 0; i < rounds; ++i) {
            weft::suspend([&](weft::handle h) {
                kept = std::move(h);
                waits.release();
            });
            ++resumed;
        }
    });
    co.enter();
    while (!co.done()) {
        woken.acquire();
        co.enter();
    }
    EXPECT_EQ(resumed, rounds);
}

TEST(waiting, lets_the_waker_thread_enter_it) {
    std::thread::id resumed_on;
    weft::handle kept;
    coroutine co([&] {
        weft::suspend([&](weft::handle h) { kept = std::move(h); });
        resumed_on = std::this_thread::get_id();
    });
    co.enter();
    std::thread([&] {
        kept.wake();
        co.enter();
        EXPECT_EQ(resumed_on, std::this_thread::get_id());
    }).join();
    EXPECT_TRUE(co.done());
}

TEST(waiting, leaves_a_handle_empty_after_the_wake_up) {
    weft::handle kept;
    coroutine co([&] { weft::suspend([&](weft::handle h) { kept = std::move(h); }); });
    co.enter();
    EXPECT_TRUE(static_cast<bool>(kept));
    kept.wake();
    EXPECT_FALSE(static_cast<bool>(kept));
}

}  // namespace
