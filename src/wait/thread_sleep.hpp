// Floor: wait
//
// How a thread that runs no coroutine and has no loop sleeps: on its stop_state::signal. Whoever ends its wait sets
// `woken_bit`, as the very last that it does with the waiter: the thread may be gone as soon as the bit is seen. A request
// to stop sets `stop_bit`.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <weft/detail/coroutine/executor.hpp>

namespace weft::detail {

inline constexpr std::uint32_t woken_bit = 1;
inline constexpr std::uint32_t stop_bit = 2;

/// A time as system calls take it, in whatever structure of seconds and nanoseconds: not negative, and no longer than a
/// time_t of 32 bits can tell, 68 years. Whoever sleeps looks at the clock again afterwards, and sleeps on.
template <class Timespec>
[[nodiscard]] Timespec kernel_time(std::chrono::nanoseconds time) noexcept {
    constexpr std::chrono::seconds longest{std::numeric_limits<std::int32_t>::max()};
    std::chrono::nanoseconds left = std::clamp<std::chrono::nanoseconds>(time, std::chrono::nanoseconds(0), longest);
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    Timespec result{};
    result.tv_sec = static_cast<decltype(result.tv_sec)>(seconds.count());
    result.tv_nsec = static_cast<decltype(result.tv_nsec)>((left - seconds).count());
    return result;
}

/// Sets the bit, and wakes the thread. Threads: any.
void wake_thread(atomic<std::uint32_t>& signal, std::uint32_t bit) noexcept;

/// Sleeps until the signal is no longer `seen`, or the deadline has passed; may return early.
void sleep_thread(atomic<std::uint32_t>& signal, std::uint32_t seen, clock::time_point deadline) noexcept;

/// The number that the system, and a debugger, know the calling thread by.
[[nodiscard]] std::uint64_t this_thread_number() noexcept;

}  // namespace weft::detail
