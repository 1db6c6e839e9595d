// Floor: wait

#include "wait/thread_sleep.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace weft::detail {

// What std::atomic::wait() does, with a deadline. The kernel looks at the word once more under its own lock, so that no
// change between the caller's look and the sleep is missed (futex(2)).

void wake_thread(atomic<std::uint32_t>& signal, std::uint32_t bit) noexcept {
    signal.fetch_or(bit, std::memory_order_release);
    // From here on the thread may be gone. The kernel is given an address, and does not mind.
    syscall(SYS_futex, &signal, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void sleep_thread(atomic<std::uint32_t>& signal, std::uint32_t seen, clock::time_point deadline) noexcept {
    timespec limit{};
    bool limited = deadline != clock::time_point::max();
    if (limited) {
        limit = kernel_time<timespec>(between(clock::now(), deadline));
    }
    syscall(SYS_futex, &signal, FUTEX_WAIT_PRIVATE, seen, limited ? &limit : nullptr, nullptr, 0);
}

std::uint64_t this_thread_number() noexcept {
    return static_cast<std::uint64_t>(syscall(SYS_gettid));
}

}  // namespace weft::detail
