// The edges of a stack: its sizes, its place, and who gets it next. (Its guard: guard_test.cpp.)

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/stack.hpp>

#include "stack/slab.hpp"

namespace {

/// One stack, given back at the end.
struct owned_stack {
    explicit owned_stack(std::size_t size = weft::default_stack_size) : s(weft::allocate_stack(size)) {}
    owned_stack(owned_stack const&) = delete;
    owned_stack& operator=(owned_stack const&) = delete;
    ~owned_stack() { weft::release_stack(s); }

    weft::stack s;
};

TEST(stack_size, that_is_a_power_of_two_is_kept) {
    owned_stack one(256 * 1024);
    EXPECT_EQ(one.s.slot_size, 256U * 1024);
}

TEST(stack_size, one_byte_more_than_a_power_of_two_doubles) {
    owned_stack one(256 * 1024 + 1);
    EXPECT_EQ(one.s.slot_size, 512U * 1024);
}

TEST(stack_size, is_at_least_twice_the_guard) {
    owned_stack none(0);
    owned_stack one(1);
    EXPECT_EQ(none.s.slot_size, 2 * weft::stack_guard_size);
    EXPECT_EQ(one.s.slot_size, 2 * weft::stack_guard_size);
}

TEST(stack_size, counts_the_guard_and_the_colour) {
    for (std::size_t size = 2 * weft::stack_guard_size; size <= 8 * 1024 * 1024; size *= 2) {
        owned_stack one(size);
        auto usable = static_cast<std::size_t>(one.s.top - one.s.low);
        EXPECT_LE(usable, size - weft::stack_guard_size);
        EXPECT_GE(usable, size - weft::stack_guard_size - 15 * 128);
    }
}

TEST(stack_size, of_64_MiB_is_usable_at_both_ends) {
    owned_stack one(64 * 1024 * 1024);
    one.s.low[0] = 1;
    one.s.top[-1] = 1;
    EXPECT_EQ(one.s.slot_size, 64U * 1024 * 1024);
}

TEST(stack_size, beyond_the_largest_class_is_refused) {
    std::size_t larger_than_any_address_space = SIZE_MAX / 2;
    EXPECT_THROW((void)weft::allocate_stack(larger_than_any_address_space), std::system_error);
}

TEST(stack_size, that_no_power_of_two_can_hold_is_refused) {
    EXPECT_THROW((void)weft::allocate_stack(std::numeric_limits<std::size_t>::max()), std::system_error);
}

TEST(stack_place, has_a_top_that_is_aligned_to_a_cache_line) {
    std::vector<weft::stack> stacks;
    for (int i = 0; i < 32; ++i) {
        stacks.push_back(weft::allocate_stack());
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(stacks.back().top) % 64, 0U);
    }
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
}

TEST(stack_place, in_the_next_slot_has_the_next_colour) {
    constexpr std::size_t size = 512 * 1024;  // a size of this test alone, so that slots are carved one after the other
    owned_stack first(size);
    owned_stack second(size);
    ASSERT_EQ(second.s.low - first.s.low, static_cast<std::ptrdiff_t>(size + weft::detail::slot_gap));
    auto colour = [](weft::stack const& s) { return (s.low - weft::stack_guard_size + s.slot_size - s.top) / 128; };
    EXPECT_EQ(colour(second.s), (colour(first.s) + 1) % 16);
}

TEST(stack_place, does_not_overlap_with_any_other) {
    std::vector<weft::stack> stacks;
    for (int i = 0; i < 200; ++i) {
        stacks.push_back(weft::allocate_stack(32 * 1024));
        std::memset(stacks.back().low, i, static_cast<std::size_t>(stacks.back().top - stacks.back().low));
    }
    for (std::size_t i = 0; i < stacks.size(); ++i) {
        EXPECT_EQ(stacks[i].low[0], static_cast<char>(i));
        EXPECT_EQ(stacks[i].top[-1], static_cast<char>(i));
    }
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
}

TEST(stack_reuse, goes_newest_first) {
    weft::stack older = weft::allocate_stack();
    weft::stack newer = weft::allocate_stack();
    weft::release_stack(older);
    weft::release_stack(newer);
    owned_stack first;
    owned_stack second;
    EXPECT_EQ(first.s.low, newer.low);
    EXPECT_EQ(second.s.low, older.low);
}

TEST(stack_reuse, takes_no_new_address_space) {
    auto carved = [] {
        std::size_t count = 0;
        for (auto* s = weft::detail::weft_slabs; s != nullptr; s = s->next) {
            count += s->carved;
        }
        return count;
    };
    auto use_all = [] {
        std::vector<weft::stack> stacks;
        for (int i = 0; i < 3'000; ++i) {  // more than a thread and the shared pool keep warm
            stacks.push_back(weft::allocate_stack(32 * 1024));
            stacks.back().top[-1] = 1;
        }
        for (auto const& s : stacks) {
            weft::release_stack(s);
        }
    };
    use_all();
    std::size_t once = carved();
    use_all();
    EXPECT_EQ(carved(), once);
}

TEST(stack_reuse, works_for_what_one_thread_allocates_and_another_releases) {
    std::vector<weft::stack> stacks;
    for (int i = 0; i < 200; ++i) {
        stacks.push_back(weft::allocate_stack(1024 * 1024));
    }
    char* lowest = stacks.front().low;
    std::thread([&] {
        for (auto const& s : stacks) {
            weft::release_stack(s);
        }
    }).join();
    bool found = false;
    std::vector<weft::stack> again;
    for (int i = 0; i < 200; ++i) {
        again.push_back(weft::allocate_stack(1024 * 1024));
        found = found || again.back().low == lowest;
    }
    EXPECT_TRUE(found);
    for (auto const& s : again) {
        weft::release_stack(s);
    }
}

/// Gives a stack back when its thread ends.
struct releases_late {
    ~releases_late() {
        if (s.slot_size != 0) {
            weft::release_stack(s);
        }
    }
    weft::stack s{};
};

TEST(stack_reuse, of_one_that_was_given_back_after_its_thread_s_cache) {
    constexpr std::size_t size = 32 * 1024 * 1024;  // nobody else's
    char const* low = nullptr;
    std::jthread([&] {
        thread_local releases_late late;  // made before the cache, so it ends after that
        late.s = weft::allocate_stack(size);
        low = late.s.low;
    }).join();
    owned_stack next(size);
    EXPECT_EQ(next.s.low, low);
}

TEST(stack_reuse, never_hands_one_to_two_threads) {
    constexpr int rounds = 300;
    std::atomic<int> ready{0};
    auto work = [&](char mark) {
        for (++ready; ready < 4;) {
            std::this_thread::yield();
        }
        for (int round = 0; round < rounds; ++round) {
            std::vector<weft::stack> mine;
            for (int i = 0; i < 80; ++i) {  // more than a thread's cache holds
                mine.push_back(weft::allocate_stack(64 * 1024));
                mine.back().low[0] = mark;
            }
            for (auto const& s : mine) {
                ASSERT_EQ(s.low[0], mark);
                weft::release_stack(s);
            }
        }
    };
    std::vector<std::jthread> threads;
    for (char mark = 1; mark <= 4; ++mark) {
        threads.emplace_back(work, mark);
    }
}

}  // namespace
