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

#include <system_error>
#include <weft/detail/atomic.hpp>
#include <weft/detail/park.hpp>
#include <weft/marks.hpp>

namespace weft::detail {

class spin_lock {
public:
    void lock() noexcept {
        while (locked_.exchange(1, std::memory_order_acquire) != 0) {
            let_others_run();  // the holder does a few dozen instructions; if it is slower, it lost its processor
        }
    }
    void unlock() noexcept { locked_.store(0, std::memory_order_release); }
    /// Waits until whoever holds it has let go. Who sees what was done under the lock, and then this come back, may destroy
    /// the lock: its holder touches it no more.
    void pass() const noexcept {
        while (locked_.load(std::memory_order_acquire) != 0) {
            let_others_run();
        }
    }

private:
    atomic<std::uint32_t> locked_{0};  // a whole word: not every processor exchanges bytes
};

struct waiter;

/// A wait for several things at once (see select.hpp), each with a waiter of its own: the first to claim it ends the wait.
struct selection {
    atomic<waiter*> chosen{nullptr};
};

struct waiter {
    waiter* next = nullptr;
    waiter* previous = nullptr;
    control_block* coroutine = nullptr;  ///< nullptr: a plain thread waits,
    executor* home = nullptr;            ///< which runs this loop meanwhile, if it has one.
    stop_state* thread = nullptr;        ///< It sleeps on that one's signal.
    bool linked = false;
    bool granted = false;
    std::int64_t amount = 0;     ///< The primitive's own;
    void* item = nullptr;        ///< and this.
    selection* among = nullptr;  ///< The wait for several that this one is part of.

    /// Whether it may be granted what it waits for. Under the list's lock, and then it is taken out of the list.
    [[nodiscard]] bool claim() noexcept {
        waiter* nobody = nullptr;
        return among == nullptr || among->chosen.compare_exchange_strong(nobody, this, std::memory_order_acq_rel);
    }
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
    void push_front(waiter& w) noexcept;
    void remove(waiter& w) noexcept;
    /// Takes out the first that can be granted, and marks it granted; nullptr if there is none. Those before it, which
    /// were granted something else meanwhile, are taken out too.
    waiter* grant_first() noexcept;
    /// grant_first() for all, linked by `next`: for wake_chain().
    waiter* grant_all() noexcept;

private:
    void fetch_next() const noexcept;

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
    /// Called under the lock when a waiter was taken out that gave up: those that can have something now that it does not
    /// stand before them any more, for wake_chain().
    waiter* (*after_removal)(void* on) noexcept = nullptr;
};

/// A waiter gives up: takes it out of the list, if it is there still. Returns whether it was.
bool give_up(waiter& w, wait_point const& point) noexcept;

/// Waits until woken. The caller holds the point's lock, and has linked `w` into its list; both are so no longer after.
/// Returns false when the wait was ended before its time.
WEFT_MIXED_FN bool wait(waiter& w, wait_point const& point, place where);

/// The part of wait() that all waits of this floor share: parks, or puts the thread to sleep, and lets go of the locks
/// then. Those who wake, find `w` in a list, or what it is linked to.
struct unlocking_wait : interruptible_wait, park_action {
    void (*unlock)(unlocking_wait&) noexcept = nullptr;
};
WEFT_MIXED_FN void wait(waiter& w, unlocking_wait& how, char const* what, void const* on, place where);

/// The identity of whoever runs: a coroutine, or else a thread.
[[nodiscard]] inline void const* runner() {
    thread_state& thread = this_thread();
    return thread.current != nullptr ? static_cast<void const*>(thread.current) : &thread;
}

}  // namespace weft::detail
