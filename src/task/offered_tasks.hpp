// Floor: task
//
// With runtime_options::steal: the starts of tasks that no loop has begun. Each loop of the runtime begins one at the end of each turn.
//
// No loop sleeps while there is one. It says that it sleeps, and then reads `count_`; who offers a task raises `count_`, and then
// reads which loops sleep. All four are sequentially consistent, so one of the two sees the other.

#pragma once

#include <cstddef>
#include <weft/detail/base/atomic.hpp>
#include <weft/detail/base/list.hpp>
#include <weft/detail/coroutine/executor.hpp>
#include <weft/detail/wait/waiter.hpp>

namespace weft::detail {

class offered_tasks {
public:
    offered_tasks() = default;
    offered_tasks(offered_tasks const&) = delete;
    offered_tasks& operator=(offered_tasks const&) = delete;
    /// Drops those that are left.
    ~offered_tasks() {
        while (!starts_.empty()) {
            posted& start = starts_.pop();
            start.drop = true;
            start.run(&start);
        }
    }

    /// Threads: any.
    void add(posted& start) noexcept {
        lock_.lock();
        starts_.push(start);
        count_.fetch_add(1);
        lock_.unlock();
    }

    /// Begins the oldest on the calling thread's loop. Returns whether there was one. Threads: the loops' own, outside coroutines.
    bool begin_one() noexcept {
        if (count_.load() == 0) {
            return false;
        }
        lock_.lock();
        posted* start = nullptr;
        if (!starts_.empty()) {
            start = &starts_.pop();
            count_.fetch_sub(1, std::memory_order_relaxed);
        }
        lock_.unlock();
        if (start != nullptr) {
            start->run(start);
        }
        return start != nullptr;
    }

private:
    spin_lock lock_;
    intrusive_queue<posted> starts_;  ///< The oldest first.
    atomic<std::size_t> count_{0};    ///< Of the starts. Changed under the lock.
};

}  // namespace weft::detail
