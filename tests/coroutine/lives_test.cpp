// One coroutine after the other, one inside the other, and what counts them. (Many at once: scale_test.cpp.)

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>
#include <weft/coroutine.hpp>

#include "../instrumented.hpp"
#include "../memory.hpp"

namespace {

using weft::coroutine;
using weft_test::stacks_carved;

TEST(scale, a_million_live_one_after_the_other) {
    int const lives = weft_test::how_many(1'000'000, 20'000);  // ThreadSanitizer allows 8,128 fibers at once
    int runs = 0;
    for (int i = 0; i < lives; ++i) {
        coroutine co([&] { ++runs; });
        co.enter();
    }
    EXPECT_EQ(runs, lives);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(scale, one_after_the_other_takes_one_stack) {
    {
        coroutine first([] {});
    }
    std::size_t before = stacks_carved();
    for (int i = 0; i < 1'000; ++i) {
        coroutine co([] { weft::yield(); });
        co.enter();
    }
    EXPECT_EQ(stacks_carved(), before);
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
