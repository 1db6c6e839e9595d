// Floor: system
//
// Threads for what can't be done without blocking: file I/O under epoll, calls (offload(), open(2)), name look-ups. They start
// when there is work for them, and end when there was none for a while.
//
// What blocks for long must not delay what blocks briefly: I/O, calls and look-ups each have a limit of their own.
//
// Writes to the page cache take microseconds, less than waking a thread does, and file systems let one at a time into a
// file. So what one turn of the loop starts is handed over together, and a file's writes are one thread's at a time: it
// does half of those that wait, tells of them together, and goes on (docs/decisions/0003-buffered-writes.md).
//
// A call may never return: an open() of a FIFO that nobody writes to. If it has a `drop`, whoever waits for it may let go of
// it, and so does the end of the reactor. So what the threads share is owned by all of them, and lives as long as the last:
// blocking_threads.hpp.

#pragma once

#include <memory>
#include <weft/detail/base/list.hpp>
#include <weft/reactor.hpp>

namespace weft::detail {

class blocking_threads;

class blocking_pool {
public:
    /// `notify` is told, from a worker, when there is something new to complete. At most `limit` threads do I/O.
    blocking_pool(reactor& notify, std::size_t limit);
    blocking_pool(blocking_pool const&) = delete;
    blocking_pool& operator=(blocking_pool const&) = delete;
    /// Waits for the calls that have begun, but for those that have a `drop`.
    ~blocking_pool();

    /// A thread of the pool makes the call after the next hand_over(). It fails with -EAGAIN if no thread is available.
    /// Threads: the loop's.
    void start(operation& op) noexcept {
        op.cancelled = op.closes = false;
        started_.push(op);
    }

    /// Threads: the loop's.
    void hand_over() noexcept;
    /// Whether hand_over() would have something to do. Threads: the loop's.
    [[nodiscard]] bool has_started() const { return !started_.empty(); }

    /// Whether there is something that was handed over, is waited for, and has not been completed. Threads: the loop's.
    [[nodiscard]] bool at_work() const { return at_work_ > let_go_; }

    /// Takes back an operation that no worker has begun: it completes with -ECANCELED. One that runs, runs on.
    /// Threads: the loop's.
    void cancel(operation& op) noexcept;

    /// Takes back the operations on `fd` that no worker has begun. Threads: the loop's.
    void closing(int fd) noexcept;

    /// The same, but for what was not handed over; hand_over() finds that. If `closes` is set and a worker is in an
    /// operation on `fd`, returns true: that worker closes it when the operation is done. Threads: any.
    [[nodiscard]] bool closed(int fd, bool closes) noexcept;

    /// Completes the operations whose calls have returned. Threads: the loop's.
    void complete_finished() noexcept;

private:
    std::shared_ptr<blocking_threads> threads_;
    intrusive_queue<operation> started_;
    std::size_t at_work_ = 0;  ///< What was handed over and not completed;
    std::size_t let_go_ = 0;   ///< of this nobody waits for.
};

}  // namespace weft::detail
