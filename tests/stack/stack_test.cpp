#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>
#include <weft/stack.hpp>

namespace {

TEST(stack, rounds_sizes_up_to_powers_of_two) {
    weft::stack s = weft::allocate_stack(100'000);
    EXPECT_EQ(s.slot_size, 131'072U);
    weft::release_stack(s);
}

TEST(stack, can_be_written_from_low_to_top) {
    weft::stack s = weft::allocate_stack();
    std::memset(s.low, 1, static_cast<std::size_t>(s.top - s.low));
    EXPECT_GE(s.top - s.low, static_cast<std::ptrdiff_t>(weft::default_stack_size - weft::stack_guard_size - 2048));
    weft::release_stack(s);
}

TEST(stack, is_used_again_after_its_release) {
    weft::stack first = weft::allocate_stack();
    weft::release_stack(first);
    weft::stack second = weft::allocate_stack();
    EXPECT_EQ(second.low, first.low);
    weft::release_stack(second);
}

TEST(stack, has_another_colour_than_its_neighbours) {
    std::set<std::uintptr_t> offsets;
    std::vector<weft::stack> stacks;
    for (int i = 0; i < 64; ++i) {
        stacks.push_back(weft::allocate_stack());
        offsets.insert(reinterpret_cast<std::uintptr_t>(stacks.back().top) % 4096);
    }
    EXPECT_EQ(offsets.size(), 16U);
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
}

TEST(stack, comes_back_from_a_thread_that_ended) {
    std::set<char*> theirs;
    std::thread([&] {
        std::vector<weft::stack> stacks;
        for (int i = 0; i < 10; ++i) {
            stacks.push_back(weft::allocate_stack(64 * 1024));
            theirs.insert(stacks.back().low);
        }
        for (auto const& s : stacks) {
            weft::release_stack(s);
        }
    }).join();
    std::vector<weft::stack> mine;
    bool found = false;
    for (int i = 0; i < 100 && !found; ++i) {
        mine.push_back(weft::allocate_stack(64 * 1024));
        found = theirs.contains(mine.back().low);
    }
    EXPECT_TRUE(found);
    for (auto const& s : mine) {
        weft::release_stack(s);
    }
}

TEST(stack_death, the_guard_faults) {
    weft::stack s = weft::allocate_stack();
    EXPECT_DEATH(s.low[-1] = 1, "");
    EXPECT_DEATH(s.low[-static_cast<std::ptrdiff_t>(weft::stack_guard_size)] = 1, "");
    weft::release_stack(s);
}

}  // namespace
