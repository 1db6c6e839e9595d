// Floor: system
//
// Which reactors have used a descriptor, so that whoever closes it, on whatever thread, can tell them to end their operations
// on it. The kernel does not: an operation that waits keeps the open file alive, and a number that is closed is given to the
// next file that is opened.
//
// Each number has two words: how often it was closed (its life), and a bit for each reactor that has used it since.
//
//     a reactor, before each operation:             whoever closes the descriptor:
//       (1) read the life                             (4) begin the next life
//       (2) read the users; while `closing`           (5) exchange the users for `closing`
//           is set, wait and begin again              (6) tell those that were among them
//       (3) add its own bit, if it is missing         (7) close(2)
//                                                     (8) take `closing` away
//
// All of these are sequentially consistent. If (2) comes before (5), then (5) finds the reactor among the users (its bit was
// there, or (3) fails and begins again), and (6) tells it; the life from (1) is an old one, so the reactor ends the operation.
// If (2) comes after (5), the operation waits for (8), and is one on whatever has the number then. An operation that the
// closer doesn't tell of, on a file that it closes, there is not.
//
// What remains is what any system call has: the kernel looks the number up some time after (3). If by then another thread has
// closed it and been given the number for another file, the operation finds that one. A reactor looks once more for what was
// closed right before it enters the kernel; on its own thread none of this can happen.

#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <vector>
#include <weft/detail/wait/waiter.hpp>
#include <weft/reactor.hpp>

namespace weft::detail {

/// A reactor, as those see it that close descriptors which it has used.
class descriptor_user {
public:
    /// Known to others from here on.
    descriptor_user() noexcept;
    descriptor_user(descriptor_user const&) = delete;
    descriptor_user& operator=(descriptor_user const&) = delete;

    /// `fd` is being closed, or, without `closes`, handed to somebody else. The reactor ends its operations on it, on its own
    /// thread. Returns true if one of its worker threads is in a system call on it, and so is to close it when that returns.
    /// Threads: any, under a lock that forget_me() takes too.
    virtual bool closed(int fd, bool closes) noexcept = 0;

protected:
    ~descriptor_user() { forget_me(); }

    /// Before an operation on `fd`. Returns its life. Threads: the reactor's own.
    std::uint32_t use(int fd) noexcept;

    /// Nobody tells it anything any more. Idempotent.
    void forget_me() noexcept;

    /// Whether the calling thread is the one that uses the reactor.
    [[nodiscard]] bool on_own_thread() const noexcept;

    /// Keeps `fd` for for_each_closed(). Threads: any.
    void remember_closed(int fd) noexcept;

    /// Calls `f(fd)` for what other threads have closed since. If there was no memory to keep that, `f(-1)`: it may be any.
    /// Threads: the reactor's own.
    template <class F>
    void for_each_closed(F f) noexcept {
        if (!any_closed_.load(std::memory_order_acquire)) [[likely]] {
            return;
        }
        std::vector<int> closed;
        bool others = take_closed(closed);
        for (int fd : closed) {
            f(fd);
        }
        if (others) {
            f(-1);
        }
    }

private:
    friend class descriptor_closing;

    bool take_closed(std::vector<int>& into) noexcept;

    descriptor_user* next_ = nullptr;  ///< With the same bit.
    std::uint64_t bit_ = 0;
    std::atomic<void const*> thread_{nullptr};
    std::atomic<bool> any_closed_{false};
    spin_lock lock_;
    std::vector<int> closed_;  ///< Under lock_;
    bool forgotten_ = false;   ///< and this: there was no memory to keep one.
};

/// How often `fd` was closed.
[[nodiscard]] std::uint32_t life_of(int fd) noexcept;

/// What `op` ended with, whose descriptor was closed by another thread while it was on its way to the system.
inline void settle(operation& op) noexcept {
    if (op.result == -EBADF && op.fd >= 0 && op.life != life_of(op.fd)) [[unlikely]] {
        op.result = -ECANCELED;
    }
}

/// Lives while a descriptor is being closed, or handed to somebody else: its constructor tells the reactors that have used it.
class descriptor_closing {
public:
    descriptor_closing(int fd, bool closes) noexcept;
    descriptor_closing(descriptor_closing const&) = delete;
    descriptor_closing& operator=(descriptor_closing const&) = delete;
    ~descriptor_closing();

    /// Whether a worker thread is in a call on it. That closes it: then the caller must not.
    [[nodiscard]] bool later() const { return later_; }

private:
    int fd_;
    bool later_ = false;
};

}  // namespace weft::detail
