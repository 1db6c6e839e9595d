// Floor: io
//
// The ways to make a system call that the reactor has no operation for.

#pragma once

#include <fcntl.h>

#include <cstdint>
#include <memory>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>
#include <weft/descriptor.hpp>

#include "io/errors.hpp"
#include "system/descriptor_use.hpp"

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
WEFT_MIXED_FN std::size_t call_when_ready(int fd, short events, char const* what, std::error_code& ec, call_site where,
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
WEFT_MIXED_FN inline bool pause(clock::duration time, std::error_code& ec, call_site where) {
    try {
        sleep_for(time, where);
        ec.clear();
        return true;
    } catch (std::system_error const& e) {
        ec = e.code();
        return false;
    }
}

/// A call that blocks, on one of the reactor's threads, and that may never return. It is on the heap, with all that it uses
/// and what it returns, so that whoever waits for it can let go of it.
struct blocking_call {
    operation op{.what = operation::kind::call};
    loop_wait* waiter = nullptr;  ///< nullptr: it was let go.
    std::error_code error;
    void (*free)(blocking_call*) noexcept = nullptr;
};

struct frees_call {
    void operator()(blocking_call* c) const noexcept { c->free(c); }
};

/// Makes the call, and waits for its return. If the wait is ended, the call is let go: `call` is empty then, and `ec` says why.
WEFT_MIXED_FN void wait_for_call(std::unique_ptr<blocking_call, frees_call>& call, char const* what,
                                 std::error_code& ec, call_site where);

/// For a call that blocks: has one of the reactor's threads call `f(ec)`, which returns a value, or sets `ec` or throws. If
/// the wait is ended, the call is let go, and what it returns is destroyed. So `f` must own all that it uses, and its result
/// must own what it stands for. `flags`: 0 or operation::look_up.
template <class F>
WEFT_MIXED_FN auto call_on_worker(char const* what, std::error_code& ec, call_site where, F f, int flags = 0) {
    using result = std::invoke_result_t<F&, std::error_code&>;
    struct call : blocking_call {
        explicit call(F&& owned) : f(std::move(owned)) {}
        F f;
        result value{};
    };
    auto* made = new (std::nothrow) call(std::move(f));
    if (made == nullptr) {
        ec = std::make_error_code(std::errc::not_enough_memory);
        return result{};
    }
    made->op.flags = flags;
    made->op.argument = made;
    made->op.call = [](void* argument) -> std::int64_t {
        auto& c = *static_cast<call*>(argument);
        try {
            c.value = c.f(c.error);
        } catch (std::system_error const& e) {
            c.error = e.code();
        } catch (std::bad_alloc const&) {
            c.error = std::make_error_code(std::errc::not_enough_memory);
        }
        return 0;
    };
    made->free = [](blocking_call* c) noexcept { delete static_cast<call*>(c); };
    std::unique_ptr<blocking_call, frees_call> owner(made);
    wait_for_call(owner, what, ec, where);
    return ec ? result{} : std::move(made->value);
}

/// What a system call returned: a descriptor, or -1, and errno is set.
[[nodiscard]] inline descriptor opened(int fd, std::error_code& ec) {
    if (fd < 0) {
        set_error(ec);
    }
    return descriptor(fd);
}

/// A duplicate, for a call that may outlive the owner of `fd`.
[[nodiscard]] inline descriptor duplicate(int fd, std::error_code& ec) {
    return opened(fcntl(fd, F_DUPFD_CLOEXEC, 0), ec);
}

/// For a call that blocks and that must not be let go, as it has the caller's buffer, or tells of what can't be undone: it
/// returns -1 and sets errno. One that has begun is waited for in any case, and what it returns is returned. `fd`: what it is
/// on, or -1.
template <class Call>
WEFT_MIXED_FN std::size_t finish_on_worker(int fd, char const* what, std::error_code& ec, call_site where,
                                           Call&& call) {
    operation op{.what = operation::kind::call,
                 .fd = fd,
                 .call = [](void* argument) -> std::int64_t {
                     auto n = (*static_cast<std::remove_reference_t<Call>*>(argument))();
                     return n < 0 ? -errno : static_cast<std::int64_t>(n);
                 },
                 .argument = &call};
    return run_operation(op, what, ec, where);
}

}  // namespace weft::detail
