// Floor 4: loop
//
// Threads for what can't be done without blocking: file I/O under epoll, name look-ups, offloaded calls. They start when
// there is work for them, and end when there was none for a while.
//
// What blocks for long must not hold up what blocks briefly: calls have threads of their own, so to speak, as both kinds
// are bounded apart.
//
// Writes to the page cache take microseconds, less than waking a thread does, and file systems let one at a time into a
// file. So what one turn of the loop starts is handed over together, and a file's writes are one thread's at a time: it
// does all that wait, and tells of them together (docs/decisions/0003-buffered-writes.md).

#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>
#include <weft/reactor.hpp>

#include "loop/operation_list.hpp"

namespace weft::detail {

class workers {
public:
    /// How many operation::kind::call run at once, beside what else there is to do.
    static constexpr std::size_t most_calls = 64;

    /// `notify` is called, from a worker, when there is something new to collect. At most `limit` threads do I/O.
    workers(reactor& notify, std::size_t limit) : notify_(notify), limit_(limit) {
        being_written_.reserve(limit);
        left_.reserve(limit + most_calls);
    }
    workers(workers const&) = delete;
    workers& operator=(workers const&) = delete;
    ~workers();

    /// A worker will perform `op`, after the next hand_over(). If no thread can be had, it fails with -EAGAIN.
    /// Threads: the loop's.
    void start(operation& op) noexcept { started_.push(op); }

    /// Threads: the loop's.
    void hand_over() noexcept;
    /// Whether hand_over() would have something to do. Threads: the loop's.
    [[nodiscard]] bool has_started() const { return !started_.empty(); }

    /// Whether there is something that was handed over and has not been completed. Threads: the loop's.
    [[nodiscard]] bool at_work() const { return at_work_ > 0; }

    /// Takes back an operation that no worker has begun: it completes with -ECANCELED. One that runs, runs on.
    void cancel(operation& op) noexcept;

    /// Completes what was performed. Threads: the loop's.
    void complete_finished() noexcept;

private:
    using list = operation_list;

    void work();
    void perform_all(list taken, std::unique_lock<std::mutex>& lock);
    bool wait_for_work(std::unique_lock<std::mutex>& lock);
    void add_thread();
    void leave_threads() noexcept;
    void join_those_that_left() noexcept;
    [[nodiscard]] bool runnable(operation const& op) const;
    [[nodiscard]] bool any_runnable() const;
    bool find_thread() noexcept;
    list take();

    reactor& notify_;
    std::size_t const limit_;
    list started_;             ///< The loop's thread alone touches it.
    std::size_t at_work_ = 0;  ///< And this.
    std::mutex mutex_;
    std::condition_variable work_there_;
    list waiting_;
    list waiting_calls_;
    std::size_t at_io_ = 0;           ///< How many threads do I/O,
    std::size_t calls_ = 0;           ///< and how many do calls.
    std::vector<int> being_written_;  ///< The files whose writes some thread is doing.
    list finished_;
    std::size_t idle_ = 0;
    std::size_t starting_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
    std::vector<std::thread> left_;  ///< Those that were idle for too long: to be joined.
};

}  // namespace weft::detail
