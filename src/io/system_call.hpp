// Floor 6: io
//
// The ways to make a system call that the reactor has no operation for.

#pragma once

#include <type_traits>
#include <utility>
#include <weft/descriptor.hpp>

#include "io/errors.hpp"
#include "loop/descriptor_use.hpp"

namespace weft::detail {

/// For a call that waits between two looks at a descriptor: its number may be another's by then.
class same_descriptor {
public:
    explicit same_descriptor(int fd) : fd_(fd), life_(life_of(fd)) {}

    /// If so, it sets `ec`, to what an operation that was under way would have ended with.
    bool was_closed(std::error_code& ec) const {
        bool other = life_of(fd_) != life_;
        if (other) {
            ec = std::make_error_code(std::errc::operation_canceled);
        }
        return other;
    }

private:
    int fd_;
    std::uint32_t life_;
};

/// For a call that does not block: it returns -1 and sets errno, to EAGAIN where it would have to wait until `fd` is ready
/// for `events` (POLLIN, POLLOUT, ...). Tries, and waits in between. So nothing of the caller's is ever in the kernel's
/// hands: a wait that is ended has done nothing.
template <class Call>
WEFT_MIXED_FN std::size_t call_when_ready(int fd, short events, char const* what, std::error_code& ec, place where,
                                          Call&& call) {
    same_descriptor const same(fd);
    for (bool wait = !may_do_at_once();; wait = errno == EAGAIN) {
        if (wait) {
            operation op{.what = operation::kind::poll, .fd = fd, .flags = events};
            run_operation(op, what, ec, where);
            if (ec || same.was_closed(ec)) {
                return 0;
            }
        }
        if (auto n = call(); n >= 0) {
            ec.clear();
            loop::current().did_at_once(static_cast<std::size_t>(n));
            return static_cast<std::size_t>(n);
        }
        if (errno != EAGAIN && errno != EINTR) {
            set_error(ec);
            return 0;
        }
    }
}

/// Sleeps, before another look at what nobody tells of. False: the wait was ended, and `ec` says why.
WEFT_MIXED_FN inline bool pause(clock::duration time, std::error_code& ec, place where) {
    try {
        sleep_for(time, where);
        ec.clear();
        return true;
    } catch (std::system_error const& e) {
        ec = e.code();
        return false;
    }
}

/// For a call that blocks: it returns -1 and sets errno. Makes it on one of the reactor's threads. One that has begun is
/// waited for in any case, and what it returns is returned.
template <class Call>
WEFT_MIXED_FN std::size_t call_on_worker(char const* what, std::error_code& ec, place where, Call&& call) {
    operation op{.what = operation::kind::call,
                 .call = [](void* argument) -> std::int64_t {
                     auto n = (*static_cast<std::remove_reference_t<Call>*>(argument))();
                     return n < 0 ? -errno : static_cast<std::int64_t>(n);
                 },
                 .argument = &call};
    return run_operation(op, what, ec, where);
}

}  // namespace weft::detail
