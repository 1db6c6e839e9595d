// In the place of the library's header of that name: atomics whose every step the explorer sees.

#pragma once

#include "model/atomic.hpp"

namespace weft::detail {

template <class T>
using atomic = model::atomic<T>;

void let_others_run() noexcept;

/// One look: more of them would be the same again.
class brief_looks {
public:
    [[nodiscard]] bool again() noexcept { return false; }
};

}  // namespace weft::detail
