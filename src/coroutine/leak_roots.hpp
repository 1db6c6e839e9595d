// Floor: coroutine
//
// Sees to it that a leak checker knows the stacks of coroutines that are there when the program ends. See the source.

#pragma once

#include <weft/detail/context/sanitizer.hpp>

namespace weft::detail {

#if defined(WEFT_ASAN)
/// Idempotent. Threads: any.
void show_stacks_to_leak_checker() noexcept;
#else
inline void show_stacks_to_leak_checker() noexcept {}
#endif

}  // namespace weft::detail
