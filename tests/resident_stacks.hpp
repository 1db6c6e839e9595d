// What stacks have in memory, as Linux counts it.

#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>
#include <weft/stack.hpp>

#include "stack/slab.hpp"

namespace weft_test {

/// How many bytes from `low` on are in memory.
inline std::size_t resident_bytes(char* low, std::size_t bytes) {
    auto const page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> pages(bytes / page);
    EXPECT_EQ(mincore(low, bytes, pages.data()), 0);
    return page * static_cast<std::size_t>(std::ranges::count_if(pages, [](unsigned char p) { return (p & 1) != 0; }));
}

/// What all stacks that there are have in memory, in use or idle: whatever else the process, or an emulator that runs it, may
/// hold. Without their guards, for which qemu-user has no answer.
inline std::size_t resident_bytes_of_stacks() {
    std::size_t bytes = 0;
    for (auto* s = weft::detail::weft_slabs; s != nullptr; s = s->next) {
        for (std::size_t number = 0; number < s->carved; ++number) {
            bytes += resident_bytes(s->slot(number) + weft::stack_guard_size, s->slot_size - weft::stack_guard_size);
        }
    }
    return bytes;
}

/// Gives out so many of 64 KiB at once, touches the upper 8 KiB of each, and takes them back.
inline void use_at_once(std::size_t count) {
    std::vector<weft::stack> stacks;
    for (std::size_t i = 0; i < count; ++i) {
        stacks.push_back(weft::allocate_stack(64 * 1024));
        std::memset(stacks.back().top - 8 * 1024, 1, 8 * 1024);
    }
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
}

}  // namespace weft_test
