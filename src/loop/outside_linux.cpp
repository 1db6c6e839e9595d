// Floor 4: loop

#include "loop/outside.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace weft::detail {
namespace {

int check(int result) {
    if (result < 0) {
        throw std::system_error(errno, std::generic_category(), "weft: no descriptor for a loop that another runs");
    }
    return result;
}

struct owned {
    explicit owned(int made) : fd(check(made)) {}
    owned(owned const&) = delete;
    owned& operator=(owned const&) = delete;
    ~owned() { ::close(fd); }
    int const fd;
};

}  // namespace

struct outside::state {
    owned both{epoll_create1(EPOLL_CLOEXEC)};
    owned timer{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
    clock::time_point wake_at = clock::time_point::max();
};

outside::outside(int reactor) : state_(std::make_unique<state>()) {
    for (int fd : {reactor, state_->timer.fd}) {
        epoll_event event{EPOLLIN, {.fd = fd}};
        check(epoll_ctl(state_->both.fd, EPOLL_CTL_ADD, fd, &event));
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
    using namespace std::chrono;
    auto since_start = std::max<nanoseconds>(when.time_since_epoch(), 1ns);  // zero would disarm it
    auto whole = duration_cast<seconds>(since_start);
    itimerspec wanted{};
    if (when != clock::time_point::max()) {
        wanted.it_value = {.tv_sec = static_cast<time_t>(whole.count()),
                           .tv_nsec = static_cast<long>((since_start - whole).count())};
    }
    timerfd_settime(state_->timer.fd, TFD_TIMER_ABSTIME, &wanted, nullptr);
}

}  // namespace weft::detail
