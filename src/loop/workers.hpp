// Floor 4: loop
//
// Threads for what can't be done without blocking: file I/O under epoll, name look-ups, offloaded calls. They start when
// there is work for them, and end with their owner.
//
// Writes to the page cache take microseconds, less than waking a thread does. So what one turn of the loop starts is
// handed over together, and one thread does all such writes that wait, and tells of them together
// (docs/decisions/0003-buffered-writes.md).

#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>
#include <weft/reactor.hpp>

namespace weft::detail {

class workers {
public:
    /// `notify` is called, from a worker, when there is something new to collect. At most `limit` threads.
    workers(reactor& notify, std::size_t limit) : notify_(notify), limit_(limit) {}
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

    /// Takes back an operation that no worker has begun: it completes with -ECANCELED. One that runs, runs on.
    void cancel(operation& op) noexcept;

    /// Completes what was performed. Threads: the loop's.
    void complete_finished() noexcept;

private:
    /// First in, first out; linked through operation::next.
    struct list {
        operation* first = nullptr;
        operation* last = nullptr;
        [[nodiscard]] bool empty() const { return first == nullptr; }
        void push(operation& op);
        operation& pop();
        bool remove(operation& op);
    };

    void work();
    void add_thread();
    list take();

    reactor& notify_;
    std::size_t const limit_;
    list started_;  ///< The loop's thread alone touches it.
    std::mutex mutex_;
    std::condition_variable work_there_;
    list waiting_;
    std::size_t jobs_ = 0;  ///< How many threads waiting_ would keep busy.
    list finished_;
    std::size_t idle_ = 0;
    std::size_t starting_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace weft::detail
