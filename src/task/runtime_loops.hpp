// Floor: task
//
// The loops of a weft::runtime and their orderly end, without the threads that run them: tests/model/runtime_test.cpp explores it.
//
//      bring_to_an_end(), on a thread of its own        a loop's thread
//      ask() ------------------ message --------------> cancels its tasks and guests, waits for them
//      waits for the answers of all <---- answer ------ how many tasks have ever come to it
//        again, until two rounds in a row had the same sum
//      end() ------------------ message --------------> the loop ends
//
// A loop that has answered goes on: tasks of the others may still move to it. Nothing here allocates, so nothing fails.

#pragma once

#include <cstdint>
#include <optional>
#include <weft/detail/task/one_shot.hpp>
#include <weft/loop.hpp>

#include "task/offered_tasks.hpp"

namespace weft::detail {

class runtime_loop {
public:
    /// `offered` are the tasks that it is to begin when it has time, or nullptr. `first` is that of all loops, once they run.
    explicit runtime_loop(offered_tasks* offered = nullptr, runtime_loop* const* first = nullptr)
        : offered_(offered), first_(first) {}
    runtime_loop(runtime_loop const&) = delete;
    runtime_loop& operator=(runtime_loop const&) = delete;

    /// Runs the calling thread's loop until end().
    WEFT_NO_COROUTINE_FN void work(loop& mine);

    /// Has the loop's tasks cancelled and joined. Then answer() returns. Threads: any, one at a time, once `here` is set.
    void ask() noexcept;
    /// Returns how many tasks have ever been started on the loop, or come to it. Threads: that which asked.
    [[nodiscard]] WEFT_MIXED_FN std::uint64_t answer();

    /// work() returns, when the tasks that are there have ended. Threads: any, after the last answer.
    void end() noexcept;

    /// Has the loop look for offered tasks, if it sleeps, and was not woken since it looked. Returns whether it was so.
    /// Threads: any, once `here` is set.
    [[nodiscard]] bool wake() noexcept;

    loop* here = nullptr;          ///< Set by whoever makes the loop, before anybody asks.
    runtime_loop* next = nullptr;  ///< The loops of a runtime are linked.

private:
    struct message : posted {
        runtime_loop* of;
    };
    static void asked_here(posted* p);
    static void ended_here(posted* p);

    static bool find_more(void* me, bool begin) noexcept;
    bool begin_one() noexcept;

    offered_tasks* const offered_;
    runtime_loop* const* const first_;
    atomic<std::uint32_t> woken_{0};
    message ask_{{.run = &asked_here}, this};
    message end_{{.run = &ended_here}, this};
    std::optional<one_shot> answered_;
    std::uint64_t arrivals_ = 0;  ///< Written before the answer, read after it.
    // The loop's thread's own:
    bool leave_ = false;
    bool asked_ = false;
    bool over_ = false;
};

/// For a task that was offered: wakes a loop that sleeps. If there is none, the first that ends its turn begins the task.
/// Threads: any.
void wake_one(runtime_loop* first) noexcept;

/// Cancels the tasks of all these loops, wherever they are, waits for them and has the loops end. The tasks
/// may spawn others and move between the loops meanwhile.
/// Threads: any but the loops' own; the caller's waits must be shielded. Suspends: inside a coroutine; elsewhere it blocks, or
/// runs the thread's loop.
WEFT_MIXED_FN void bring_to_an_end(runtime_loop* first);

}  // namespace weft::detail
