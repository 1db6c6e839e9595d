// Floor: sync
//
// What a select() waits with, and how dump() knows it.

#pragma once

#include <span>
#include <weft/detail/wait/waiter.hpp>
#include <weft/select.hpp>

namespace weft::detail {

/// On the stack of whoever selects, until it goes on.
struct select_wait : unlocking_wait, waiter {
    std::span<spin_lock*> locks;
    std::span<select_case* const> cases;
};

/// What one that selects waits for; on its select_wait. Compared by address.
extern char const waits_for_select[];

}  // namespace weft::detail
