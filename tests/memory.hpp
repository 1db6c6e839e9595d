// What stacks take.

#pragma once

#include <cstddef>
#include <fstream>

#include "stack/slab.hpp"

namespace weft_test {

/// How many have been made since the program began, those that are in use again counted once.
inline std::size_t stacks_carved() {
    std::size_t count = 0;
    for (auto* s = weft::detail::weft_slabs; s != nullptr; s = s->next) {
        count += s->carved;
    }
    return count;
}

/// What the process has in memory.
inline std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    statm >> size >> resident;
    return resident * 4096;
}

}  // namespace weft_test
