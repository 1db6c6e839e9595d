// Floor: system

#include "system/outside.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "system/event_descriptor.hpp"
#include "wait/thread_sleep.hpp"

namespace weft::detail {
namespace {

constexpr char const* refused = "weft: no descriptor for a loop that another runs";

}  // namespace

struct outside::state {
    descriptor_owner both{epoll_create1(EPOLL_CLOEXEC), refused};
    descriptor_owner timer{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), refused};
    clock::time_point wake_at = clock::time_point::max();
};

outside::outside(int reactor) : state_(std::make_unique<state>()) {
    for (int fd : {reactor, state_->timer.fd}) {
        epoll_event event{EPOLLIN, {.fd = fd}};
        if (epoll_ctl(state_->both.fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            throw std::system_error(errno, std::generic_category(), refused);
        }
    }
}

outside::~outside() = default;

int outside::fd() const {
    return state_->both.fd;
}

void outside::wake_at(clock::time_point when) noexcept {
    if (when == std::exchange(state_->wake_at, when)) {
        return;
    }
    itimerspec wanted{};
    if (when != clock::time_point::max()) {
        std::chrono::nanoseconds since_start = when.time_since_epoch();
        wanted.it_value = kernel_time<timespec>(std::max(since_start, std::chrono::nanoseconds(1)));  // zero disarms it
    }
    timerfd_settime(state_->timer.fd, TFD_TIMER_ABSTIME, &wanted, nullptr);
}

}  // namespace weft::detail
