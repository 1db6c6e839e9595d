// Floor 3: sync
//
// What the primitives of this floor are made of: waiters, that lie on the stack of whoever waits, in lists that a
// spin lock guards. Coroutines of any loop and plain threads wait alike:
//
//     lock the list's spin lock; nothing to be had? link the waiter in; wait(): park, and only then unlock
//
// A waker finds the waiter only after it has locked, so after the coroutine is parked: no wake-up comes too early. Who
// takes a waiter out of the list, under the lock, decides how its wait ends: a waker grants, an interruption cancels.

#pragma once

#include <atomic>
#include <system_error>
#include <weft/detail/park.hpp>
#include <weft/marks.hpp>

namespace weft::detail {

class spin_lock {
public:
    void lock() noexcept {
        while (locked_.exchange(true, std::memory_order_acquire)) {
            wait_a_little();
        }
    }
    void unlock() noexcept { locked_.store(false, std::memory_order_release); }

private:
    static void wait_a_little() noexcept;

    std::atomic<bool> locked_{false};
};

struct waiter {
    waiter* next = nullptr;
    waiter* previous = nullptr;
    control_block* coroutine = nullptr;  ///< nullptr: a plain thread waits,
    executor* home = nullptr;            ///< which runs this loop meanwhile, if it has one.
    std::atomic<bool> woken{false};      ///< For plain threads.
    bool linked = false;
    bool granted = false;
    std::int64_t amount = 0;  ///< The primitive's own.
};

/// First in, first out. Whoever calls holds the lock that guards it.
class waiter_list {
public:
    waiter_list() = default;
    waiter_list(waiter_list const&) = delete;
    waiter_list& operator=(waiter_list const&) = delete;

    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    [[nodiscard]] waiter& front() const { return *first_; }
    void push(waiter& w) noexcept;
    void remove(waiter& w) noexcept;
    waiter& pop() noexcept {
        waiter& w = *first_;
        remove(w);
        return w;
    }

private:
    waiter* first_ = nullptr;
    waiter* last_ = nullptr;
};

/// Ends the wait of a waiter that was taken out of its list. The waiter may be gone afterwards.
void wake(waiter& w) noexcept;

/// wake() for all from `first` on, linked by `next`. Not under the lock: who is woken may destroy the primitive.
void wake_chain(waiter* first) noexcept;

/// What a wait is for: for its interruption, and for messages and debuggers.
struct wait_point {
    char const* what;
    void* on;
    spin_lock& lock;
    waiter_list& list;
    /// Called under the lock when an interruption took one out: those that can have what it waited for, for wake_chain().
    waiter* (*after_removal)(void* on) noexcept = nullptr;
};

/// Whether the caller is a coroutine whose waits are to end.
[[nodiscard]] bool interrupted() noexcept;

/// Waits until woken. The caller holds the point's lock, and has linked `w` into its list; both are so no longer after.
/// Returns false when the wait was interrupted.
WEFT_MIXED_FN bool wait(waiter& w, wait_point const& point, place where);

/// The identity of whoever runs: a coroutine, or else a thread.
[[nodiscard]] inline void const* runner() {
    thread_state& thread = this_thread();
    return thread.current != nullptr ? static_cast<void const*>(thread.current) : &thread;
}

[[noreturn]] void throw_cancelled(char const* what);

}  // namespace weft::detail
