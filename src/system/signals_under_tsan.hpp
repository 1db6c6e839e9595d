// Floor: system
//
// ThreadSanitizer holds back a signal's handler until the thread is next in a system call that it knows, and it knows
// neither io_uring_enter nor epoll_pwait2: a handler that posts to the loop would not run until something else woke it.
// So there a reactor sleeps in poll(), on its own descriptor, and then asks without waiting for what has happened.

#pragma once

#include <weft/detail/context/sanitizer.hpp>

#if defined(WEFT_TSAN)

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace weft::detail {

/// Waits until `fd` is readable, a signal arrived or `timeout` is over. Returns how long is left to wait: nothing.
inline std::chrono::nanoseconds sleep_on(int fd, std::optional<std::chrono::nanoseconds> timeout) noexcept {
    constexpr std::int64_t longest = 1 << 30;
    auto whole = timeout ? std::chrono::ceil<std::chrono::milliseconds>(*timeout).count() : -1;
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    ::poll(&one, 1, static_cast<int>(std::min(whole, longest)));
    return std::chrono::nanoseconds{0};
}

}  // namespace weft::detail

#endif
