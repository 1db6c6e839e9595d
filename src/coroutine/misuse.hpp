// Floor: coroutine
//
// What is said before the program ends because weft was used wrongly.

#pragma once

#include <string>
#include <weft/detail/coroutine/control_block.hpp>

#include "base/fatal.hpp"

namespace weft::detail {

/// `coroutine "reader" (id 17, created at server.cpp:30)`
std::string describe(control_block const& co);
void describe(control_block const& co, fixed_text& text) noexcept;  ///< Async-signal-safe.

/// `co` was entered at `where`, and is not in a state to be entered.
[[noreturn]] void die_of_enter(control_block const& co, call_site where) noexcept;

[[noreturn]] void die_of_destroy(control_block const& co) noexcept;
[[noreturn]] void die_of_dropped_handle(control_block const& co) noexcept;
[[noreturn]] void die_of_suspending_while_unwound(control_block const& co) noexcept;
[[noreturn]] void die_of_suspending_where_nothing_may_be_thrown(control_block const& co) noexcept;
[[noreturn]] void die_of_throwing_while_unwound(control_block const& co) noexcept;

}  // namespace weft::detail
