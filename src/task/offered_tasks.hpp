// Floor: task
//
// With runtime_options::steal: the starts of tasks that no loop has begun. Each loop of the runtime begins one at the end of each turn.
//
// No loop sleeps while there is one. It says that it sleeps, and then reads `count_`; who offers a task raises `count_`, and then
// reads which loops sleep. All four are sequentially consistent, so one of the two sees the other.

#pragma once

#include <cstddef>
#include <mutex>
#include <weft/detail/base/atomic.hpp>
#include <weft/detail/base/list.hpp>
#include <weft/detail/coroutine/executor.hpp>

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
    void add(posted& start) {
        std::lock_guard lock(mutex_);
        starts_.push(start);
        count_.fetch_add(1);
    }

    /// Begins the oldest on the calling thread's loop. Returns whether there was one. Threads: the loops' own, outside coroutines.
    bool begin_one() noexcept {
        if (count_.load() == 0) {
            return false;
        }
        std::unique_lock lock(mutex_);
        if (starts_.empty()) {
            return false;
        }
        posted& start = starts_.pop();
        count_.fetch_sub(1);
        lock.unlock();
        start.run(&start);
        return true;
    }

private:
    std::mutex mutex_;
    intrusive_queue<posted> starts_;  ///< The oldest first.
    atomic<std::size_t> count_{0};
};

}  // namespace weft::detail
