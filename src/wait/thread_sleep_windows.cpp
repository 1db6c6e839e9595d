// Floor: wait

#include "wait/thread_sleep.hpp"

#include <windows.h>

#include <algorithm>

namespace weft::detail {

// As on Linux: the system looks at the word once more under its own lock, so that no change between the caller's look and
// the sleep is missed.

void wake_thread(std::atomic<std::uint32_t>& signal, std::uint32_t bit) noexcept {
    signal.fetch_or(bit, std::memory_order_release);
    // From here on the thread may be gone. The system is given an address, and does not mind.
    WakeByAddressAll(&signal);
}

void sleep_thread(std::atomic<std::uint32_t>& signal, std::uint32_t seen, clock::time_point deadline) noexcept {
    DWORD limit = INFINITE;
    if (deadline != clock::time_point::max()) {
        constexpr std::int64_t longest = 1 << 30;
        auto left = std::chrono::ceil<std::chrono::milliseconds>(between(clock::now(), deadline)).count();
        limit = static_cast<DWORD>(std::clamp<std::int64_t>(left, 0, longest));
    }
    WaitOnAddress(&signal, &seen, sizeof seen, limit);
}

std::uint64_t this_thread_number() noexcept {
    return GetCurrentThreadId();
}

}  // namespace weft::detail
