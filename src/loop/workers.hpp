// Floor 4: loop
//
// Threads for what can't be done without blocking: file I/O under epoll, name look-ups, offloaded calls. They start when
// there is work for them, and end with their owner.

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

    /// A worker will perform `op`. If no thread can be had, the operation fails with the system's error.
    void start(operation& op) noexcept;

    /// Takes back an operation that no worker has begun: it completes with -ECANCELED. One that runs, runs on.
    void cancel(operation& op) noexcept;

    /// Completes what was performed. Returns whether there was any.
    bool complete_finished() noexcept;

private:
    /// First in, first out; linked through operation::next.
    struct list {
        operation* first = nullptr;
        operation* last = nullptr;
        void push(operation& op);
        operation& pop();
        bool remove(operation& op);
    };

    void work();

    reactor& notify_;
    std::size_t const limit_;
    std::mutex mutex_;
    std::condition_variable work_there_;
    list waiting_;
    list finished_;
    std::size_t idle_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace weft::detail
