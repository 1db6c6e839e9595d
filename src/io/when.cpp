// Floor: io

#include <weft/when.hpp>

#include <poll.h>

#include <system_error>
#include <utility>

#include "task/move_to.hpp"

namespace weft {
namespace {

/// On the thread that selects, from its loop.
void give(detail::branch& b) noexcept {
    if (b.claim()) {
        detail::wake(*b.whose);
    }
}

}  // namespace

// ---- tasks ----------------------------------------------------------------------------------------------------------

namespace detail {

end_of_task::joining::joining(end_of_task* c, call_site at)
    : joiner{[](joiner& j) noexcept {
                 end_of_task& me = *static_cast<joining&>(j).whose;
                 me.withdraw();  // from here on the task may be joined, and be gone
                 give(me.b);
             },
             at},
      whose(c) {}

bool end_of_task::take_now(branch*&) {
    check_thread(task_, "waited for", called_from);
    return task_.ended;
}

void end_of_task::enlist() {
    set_joiner(task_, joining_);
    enlisted_ = true;
}

void end_of_task::withdraw() noexcept {
    if (std::exchange(enlisted_, false)) {
        task_.waiting = nullptr;
    }
}

void one_shot_happened::withdraw() noexcept {
    detail::withdraw(b, {"a task of another loop", &what_, what_.lock_, what_.waiters_});
}

}  // namespace detail

namespace when {

// ---- time -----------------------------------------------------------------------------------------------------------

bool at::take_now(detail::branch*&) {
    return when_ <= detail::time_now();
}

void at::enlist() {
    timer_.waiter = &b;
    timer_.expired = [](timer& t) noexcept { give(*static_cast<detail::branch*>(t.waiter)); };
    home_->arm(timer_, when_);
}

void at::withdraw() noexcept {
    if (timer_.armed()) {
        home_->disarm(timer_);
    }
}

// ---- descriptors ----------------------------------------------------------------------------------------------------

ready::ready(int fd, int events, call_site where)
    : select_case(where, "a descriptor", this), operation_{.what = operation::kind::poll, .fd = fd, .flags = events} {}

bool ready::take_now(detail::branch*&) {
    pollfd one{.fd = operation_.fd, .events = static_cast<short>(operation_.flags), .revents = 0};
    return ::poll(&one, 1, 0) > 0 && (one.revents & POLLNVAL) == 0;
}

void ready::enlist() {
    operation_.waiter = this;
    operation_.expect_to_wait = true;
    operation_.complete = [](operation& o) noexcept {
        auto& me = *static_cast<ready*>(o.waiter);
        me.complete_ = true;
        if (me.withdrawing_ != nullptr) {
            me.withdrawing_->end();
        } else {
            give(me.b);
        }
    };
    home_->system().start(operation_);
}

void ready::withdraw() noexcept {
    if (complete_) {
        return;
    }
    detail::loop_wait until_let_go([](detail::interruptible_wait&) noexcept {});  // it ends soon anyway
    withdrawing_ = &until_let_go;
    home_->system().cancel(operation_);
    if (!complete_) {
        until_let_go.wait("a descriptor to be let go of", &operation_, called_from);
    }
}

ready::result ready::take() {
    if (operation_.result < 0) {
        throw std::system_error(static_cast<int>(-operation_.result), std::generic_category(), "weft: select");
    }
    return {};
}

readable::readable(int fd, call_site where) : ready(fd, POLLIN, where) {}
writable::writable(int fd, call_site where) : ready(fd, POLLOUT, where) {}

// ---- signals --------------------------------------------------------------------------------------------------------

arrived::arrived(signals& s, call_site where) : ready(s.descriptor_.fd(), POLLIN, where), signals_(s) {}

bool arrived::take_now(detail::branch*&) {
    which_ = signals_.next();
    return which_ != 0;
}

arrived::result arrived::take() {
    ready::take();
    return which_ != 0 ? which_ : signals_.next();
}

}  // namespace when
}  // namespace weft
