// Floor: stack
//
// How much of a stack was ever used. The system knows which pages were touched, so nothing has to be painted: painting
// would touch all the pages of each stack that is measured, 112 KiB where a coroutine needs 4. What is lost is only what
// lies between whole pages, and a page that was swapped out counts as not used.

#include <weft/stack.hpp>

#include "stack/system.hpp"

namespace weft {

std::size_t used_bytes(stack const& s) noexcept {
    return static_cast<std::size_t>(s.top - detail::lowest_touched(s.low, s.top));
}

void forget_use(stack const& s, char const* keep) noexcept {
    detail::give_back(s.low, s.low + (keep - s.low));
}

}  // namespace weft
