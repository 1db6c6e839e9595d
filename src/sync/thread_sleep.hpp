// Floor 3: sync
//
// How a thread that runs no coroutine and has no loop sleeps: on its stop_state::signal. Whoever ends its wait sets
// `woken_bit`, as the very last that it does with the waiter: the thread may be gone as soon as the bit is seen. A request
// to stop sets `stop_bit`.

#pragma once

#include <weft/detail/executor.hpp>

namespace weft::detail {

inline constexpr std::uint32_t woken_bit = 1;
inline constexpr std::uint32_t stop_bit = 2;

/// Sets the bit, and wakes the thread. Threads: any.
void wake_thread(atomic<std::uint32_t>& signal, std::uint32_t bit) noexcept;

/// Sleeps until the signal is no longer `seen`, or the deadline has passed; may return early.
void sleep_thread(atomic<std::uint32_t>& signal, std::uint32_t seen, clock::time_point deadline) noexcept;

}  // namespace weft::detail
