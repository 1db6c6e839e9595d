// Many coroutines, one after the other and at once, and what counts them.

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>
#include <weft/coroutine.hpp>

#include "stack/slab.hpp"

namespace {

using weft::coroutine;

#if defined(__SANITIZE_THREAD__)
constexpr bool under_tsan = true;  // its fibers are few and slow
#else
constexpr bool under_tsan = false;
#endif

TEST(scale, a_million_live_one_after_the_other) {
    std::size_t const lives = under_tsan ? 50'000 : 1'000'000;
    std::size_t runs = 0;
    for (std::size_t i = 0; i < lives; ++i) {
        coroutine co([&] { ++runs; });
        co.enter();
    }
    EXPECT_EQ(runs, lives);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(scale, one_after_the_other_takes_one_stack) {
    auto carved = [] {
        std::size_t count = 0;
        for (auto* s = weft::detail::weft_slabs; s != nullptr; s = s->next) {
            count += s->carved;
        }
        return count;
    };
    { coroutine first([] {}); }
    std::size_t before = carved();
    for (int i = 0; i < 1'000; ++i) {
        coroutine co([] { weft::yield(); });
        co.enter();
    }
    EXPECT_EQ(carved(), before);
}

TEST(scale, a_hundred_thousand_park_at_once) {
    if (under_tsan) {
        GTEST_SKIP() << "ThreadSanitizer allows about 8,000 fibers";
    }
    if (weft::detail::best_guard_kind() != weft::detail::guard_kind::markers) {
        GTEST_SKIP() << "vm.max_map_count allows about 32,000 guards before Linux 6.13";
    }
    constexpr std::size_t count = 100'000;
    std::size_t ended = 0;
    std::vector<coroutine> all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        all.emplace_back(weft::coroutine_options{.stack_size = 32 * 1024}, [&] {
            weft::yield();
            ++ended;
        });
        all.back().enter();
    }
    EXPECT_EQ(weft::coroutine_count(), count);
    for (auto& co : all) {
        co.enter();
    }
    EXPECT_EQ(ended, count);
    all.clear();
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(scale, nests_128_deep_with_all_of_them_entered) {
    struct nesting {
        static int descend(int depth) {
            int below = 0;
            if (depth > 0) {
                coroutine co({.stack_size = 64 * 1024}, [&] { below = descend(depth - 1); });
                co.enter();
            } else {
                below = static_cast<int>(weft::coroutine_count());
            }
            return below;
        }
    };
    EXPECT_EQ(nesting::descend(128), 128);
    EXPECT_FALSE(weft::in_coroutine());
}

TEST(count, holds_those_that_were_created_and_not_destroyed) {
    EXPECT_EQ(weft::coroutine_count(), 0U);
    coroutine never_entered([] {});
    coroutine ended([] {});
    ended.enter();
    {
        coroutine suspended([] { weft::yield(); });
        suspended.enter();
        EXPECT_EQ(weft::coroutine_count(), 3U);
    }
    EXPECT_EQ(weft::coroutine_count(), 2U);
}

TEST(count, returns_to_zero_when_the_threads_that_made_them_end) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([] {
            std::vector<coroutine> mine;
            for (int i = 0; i < 100; ++i) {
                mine.emplace_back([] { weft::yield(); });
                mine.back().enter();
            }
        });
    }
    for (auto& t : threads) {
        t.join();
    }
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(count, leaves_out_stacks_that_bear_no_coroutine) {
    weft::stack s = weft::allocate_stack();
    std::memset(s.low, 1, static_cast<std::size_t>(s.top - s.low));
    EXPECT_EQ(weft::coroutine_count(), 0U);
    weft::release_stack(s);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(count, may_be_asked_for_while_others_create_and_destroy) {
    std::atomic<bool> stop{false};
    std::jthread busy([&] {
        while (!stop) {
            coroutine small({.stack_size = 32 * 1024}, [] {});
            coroutine usual([] {});
            usual.enter();
        }
    });
    for (int i = 0; i < 200; ++i) {
        EXPECT_LE(weft::coroutine_count(), 2U);
    }
    stop = true;
}

}  // namespace
