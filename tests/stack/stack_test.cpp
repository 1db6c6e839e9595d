#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>
#include <weft/stack.hpp>

#include "stack/slab.hpp"

namespace {

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    statm >> size >> resident;
    return resident * 4096;
}

std::size_t mappings() {
    std::ifstream maps("/proc/self/maps");
    std::size_t count = 0;
    for (std::string line; std::getline(maps, line);) {
        ++count;
    }
    return count;
}

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

TEST(stack, many_take_few_mappings) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer maps shadow for what is touched";
#endif
    if (weft::detail::best_guard_kind() != weft::detail::guard_kind::markers) {
        GTEST_SKIP() << "this kernel's guards are mappings (before Linux 6.13)";
    }
    std::size_t before = mappings();
    std::vector<weft::stack> stacks;
    for (int i = 0; i < 20'000; ++i) {
        stacks.push_back(weft::allocate_stack(32 * 1024));
    }
    EXPECT_LT(mappings(), before + 50);
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
}

TEST(stack, idle_ones_beyond_the_limit_give_their_pages_back) {
    constexpr std::size_t touched = 16 * 1024;
    std::vector<weft::stack> stacks;
    for (int i = 0; i < 5'000; ++i) {
        stacks.push_back(weft::allocate_stack(128 * 1024));
        std::memset(stacks.back().top - touched, 1, touched);
    }
    std::size_t before = resident_bytes();
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
    EXPECT_LT(resident_bytes(), before - 3'000 * touched);
}

TEST(stack_death, the_guard_faults) {
    weft::stack s = weft::allocate_stack();
    EXPECT_DEATH(s.low[-1] = 1, "");
    EXPECT_DEATH(s.low[-static_cast<std::ptrdiff_t>(weft::stack_guard_size)] = 1, "");
    weft::release_stack(s);
}

TEST(stack_death, a_guard_that_is_a_mapping_faults_too) {
    std::size_t size = 64 * 1024;
    auto* slot = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    weft::detail::install_guard(slot, weft::detail::guard_kind::mappings);
    EXPECT_DEATH(*slot = 1, "");
    slot[weft::stack_guard_size] = 1;
    munmap(slot, size);
}

}  // namespace
