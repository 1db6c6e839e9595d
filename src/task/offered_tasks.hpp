// Floor: task
//
// With runtime_options::steal: the starts of tasks that no loop has begun. Each loop of the runtime begins one at the end of each turn.
//
// No loop sleeps while there is one. It says that it sleeps, and then reads `count_`; who offers a task raises `count_`, and then
// reads which loops sleep. All four are sequentially consistent, so one of the two sees the other.
//
// Nor does one sleep while another has taken a task, and may be held up by it, and there is a second. Who offers that one may have seen
// the loop that took the first still asleep, and woken nobody else. But then it had raised `count_` before that loop said that it sleeps
// no more, and that was before it took the first: so whoever takes one, and sees another, wakes one more loop.

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

    [[nodiscard]] bool any() const noexcept { return count_.load() != 0; }

    /// Takes the oldest out; nullptr if there is none. Threads: any.
    [[nodiscard]] posted* take() noexcept {
        if (!any()) {
            return nullptr;
        }
        lock_.lock();
        posted* start = nullptr;
        if (!starts_.empty()) {
            start = &starts_.pop();
            count_.fetch_sub(1, std::memory_order_relaxed);
        }
        lock_.unlock();
        return start;
    }

private:
    spin_lock lock_;
    intrusive_queue<posted> starts_;  ///< The oldest first.
    atomic<std::size_t> count_{0};    ///< Of the starts. Changed under the lock.
};

}  // namespace weft::detail
