// Floor: system
//
// What the worker threads of a reactor have in common, and the loop's thread with them.

#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>
#include <weft/detail/base/list.hpp>
#include <weft/reactor.hpp>

namespace weft::detail {

/// All is under the mutex. Kept alive by the reactor, and by each of its threads.
class blocking_threads : public std::enable_shared_from_this<blocking_threads> {
public:
    blocking_threads(reactor& notify, std::size_t limit);

    /// Adds what was started, and sees to it that somebody does it.
    void add(intrusive_queue<operation> started) noexcept;
    /// Whether no worker had begun `op`: then it is among the finished ones now.
    bool take_back(operation& op) noexcept;
    void take_back_all_on(int fd) noexcept;
    /// Whether a worker is in an operation on `fd`: then it closes it afterwards.
    bool close_afterwards(int fd) noexcept;
    /// `op` was taken back before it was added.
    void finish(operation& op) noexcept;
    [[nodiscard]] intrusive_queue<operation> take_finished() noexcept;

    /// The end: waits for what has begun, but for what has a `drop`.
    void disband() noexcept;

private:
    /// What is bounded apart.
    enum class trade : std::uint8_t { io, call, look_up };
    static constexpr std::size_t trades = 3;
    struct queue {
        intrusive_queue<operation> waiting;
        std::size_t busy = 0;  ///< How many threads do such.
        std::size_t most = 0;  ///< How many may.
    };
    /// A thread, and what it does.
    struct member {
        std::thread thread;
        intrusive_queue<operation> const* doing = nullptr;
    };

    static trade trade_of(operation const& op);
    queue& queue_of(operation const& op) { return queues_[static_cast<std::size_t>(trade_of(op))]; }

    void work();
    void do_all(intrusive_queue<operation> taken, member& me, std::unique_lock<std::mutex>& lock);
    bool wait_for_work(std::unique_lock<std::mutex>& lock);
    void add_thread();
    void leave(member& me) noexcept;
    void join_those_that_left() noexcept;
    [[nodiscard]] bool runnable(operation const& op) const;
    [[nodiscard]] bool any_runnable() const;
    bool find_thread() noexcept;
    [[nodiscard]] bool busy_with_what_must_be_waited_for() const;
    bool leave_closing(int fd) noexcept;
    intrusive_queue<operation> take();
    [[nodiscard]] member& me() noexcept;

    std::mutex mutex_;
    std::condition_variable work_there_;
    std::condition_variable work_done_;  ///< For disband().
    reactor& notify_;                    ///< Not any more when `stopping_`.
    std::array<queue, trades> queues_;
    std::vector<int> being_written_;  ///< The files whose writes some thread is doing.
    intrusive_queue<operation> finished_;
    std::size_t most_threads_;
    std::size_t idle_ = 0;
    std::size_t starting_ = 0;
    bool stopping_ = false;
    std::vector<std::unique_ptr<member>> members_;
    std::vector<std::thread> left_;  ///< Those that were idle for too long: to be joined.
};

}  // namespace weft::detail
