// Floor: io
//
// An owned file descriptor, closed by its destructor.

#pragma once

#include <system_error>
#include <type_traits>
#include <utility>
#include <weft/loop.hpp>

namespace weft {

class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int fd) : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~descriptor() { close(); }

    [[nodiscard]] int fd() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

    /// Closes it. Operations on it that are under way end with operation_canceled, on whatever loop they wait; a worker thread
    /// that is in a system call on it finishes that first. Threads: any. Suspends: no.
    void close() noexcept;
    /// Passes ownership to the caller. Operations on it end, as with close().
    [[nodiscard]] int release() noexcept;

private:
    int fd_ = -1;
};

/// Waits until `fd` is ready for reading or writing, or has failed. `fd` stays the caller's.
/// Throws std::system_error: operation_canceled, or what the system refuses.
/// Suspends: inside a coroutine; elsewhere it runs the thread's loop.
WEFT_MIXED_FN void wait_readable(int fd, call_site where = call_site::here());
WEFT_MIXED_FN void wait_readable(int fd, std::error_code& ec, call_site where = call_site::here());
WEFT_MIXED_FN void wait_writable(int fd, call_site where = call_site::here());
WEFT_MIXED_FN void wait_writable(int fd, std::error_code& ec, call_site where = call_site::here());

namespace detail {

/// Runs an operation and waits for its end. Returns its result, or 0 and sets `ec`.
WEFT_MIXED_FN std::size_t run_operation(operation& op, char const* what, std::error_code& ec, call_site where);

/// Whether a call that need not wait may be done at once: the caller was not cancelled, and the loop's turn has some
/// allowance left (see loop::may_do_at_once()).
[[nodiscard]] bool may_do_at_once();

/// For the form of a call that throws: calls `f(ec)`, and throws std::system_error if that set it.
template <class F>
auto or_throw(char const* what, F&& f) {
    std::error_code ec;
    auto check = [&] {
        if (ec) {
            throw std::system_error(ec, what);
        }
    };
    if constexpr (std::is_void_v<std::invoke_result_t<F, std::error_code&>>) {
        std::forward<F>(f)(ec);
        check();
    } else {
        auto result = std::forward<F>(f)(ec);
        check();
        return result;
    }
}

}  // namespace detail
}  // namespace weft
