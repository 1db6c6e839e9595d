// Floor: wait
//
// What the primitives of this floor are made of. Coroutines of any loop and plain threads wait alike:
//
//     lock the primitive; is nothing available? link a branch into its list; park, and only then unlock
//
// A waiter is one wait; it lies on the stack of whoever waits. It has a branch, a node in a primitive's list, for each thing
// that it waits for: a lock has one, a select() several. How the wait ends is one word of the waiter's, its outcome:
//
//     pending --(a grant, under the lock of the primitive)--> the branch that was granted
//     pending --(cancelled, or out of time; on the waiter's thread)--> ended_early
//
// Who moves the word off `pending`, by one compare-and-swap (branch::claim, waiter::end_early), has decided how the wait ends,
// and has to wake the waiter, once. All others came too late and go on: a grant to the next in the list.
//
// Why nothing is touched that is gone:
//   * A waker finds a branch only under the primitive's lock, which the waiter lets go of when it is parked: no wake-up
//     comes too early. (For one that is linked in before it parks see early_wait.)
//   * A branch leaves its list in one of two ways. Whoever has granted it takes it out, under the lock. One whose wait was
//     decided otherwise is taken out by whoever sets `left` first: its waiter, which is on its way out (withdraw()), or
//     somebody who comes by under the lock (waiter_list::first_waiting()).
//   * So a waiter touches the primitive, after it was linked in, only if it has set `left` itself: then its branch is in the
//     list still. A destructor that finds the list empty, and then the lock free, may free the memory: nobody comes any more.
//   * The branches in a list are there as long as the lock is held: to leave, each has to take the lock, or somebody who
//     holds it sets `left`, and from that moment on does not touch the branch.

#pragma once

#include <system_error>
#include <utility>
#include <weft/detail/base/atomic.hpp>
#include <weft/detail/coroutine/park.hpp>
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

struct branch;

/// In the place of the branch that was granted: the wait ended early.
extern branch ended_early;

/// One wait. It lies on the stack of whoever waits.
struct waiter {
    control_block* coroutine = nullptr;  ///< nullptr: a plain thread waits,
    executor* home = nullptr;            ///< which runs this loop meanwhile, if it has one.
    stop_state* thread = nullptr;        ///< It sleeps on that one's signal.
    atomic<branch*> outcome{nullptr};    ///< nullptr: pending.

    [[nodiscard]] bool pending() const noexcept { return outcome.load(std::memory_order_relaxed) == nullptr; }
    /// Decides that the wait ends with nothing. Returns false if it was decided before. On the waiter's thread.
    [[nodiscard]] bool end_early() noexcept { return decide(&ended_early); }

private:
    friend struct branch;
    [[nodiscard]] bool decide(branch* how) noexcept {
        branch* undecided = nullptr;
        return outcome.compare_exchange_strong(undecided, how, std::memory_order_acq_rel);
    }
};

/// One of the things that a waiter waits for.
struct branch {
    branch* next = nullptr;
    branch* previous = nullptr;
    waiter* whose = nullptr;
    std::int64_t amount = 0;          ///< The primitive's own;
    void* item = nullptr;             ///< and this.
    atomic<std::uint32_t> let_go{0};  ///< The wait was decided otherwise, and somebody takes it out.

    /// Decides that the wait ends with this branch. Returns false if it was decided before. Under the lock of its list, if it
    /// is in one. Who got true takes it out of the list, and then wakes it.
    [[nodiscard]] bool claim() noexcept {
        bool mine = whose->decide(this);
        if (mine) {
            WEFT_TRACE2(grant, this_thread().current, whose->coroutine);
        }
        return mine;
    }
    [[nodiscard]] bool granted() const noexcept { return whose->outcome.load(std::memory_order_acquire) == this; }
};

/// First in, first out. Whoever calls holds the lock that guards it.
class waiter_list {
public:
    waiter_list() = default;
    waiter_list(waiter_list const&) = delete;
    waiter_list& operator=(waiter_list const&) = delete;

    void push(branch& b) noexcept;
    void push_front(branch& b) noexcept;
    /// The first that still waits, or nullptr. Those before it whose wait was decided otherwise are taken out: what they stood
    /// in the way of is the caller's to grant.
    [[nodiscard]] branch* first_waiting() noexcept;
    /// Whether nobody waits.
    [[nodiscard]] bool empty() const noexcept;
    /// Grants the first that still waits, and takes it out. nullptr if there is none.
    branch* grant_first() noexcept;
    /// grant_first() for all, linked by `next`: for wake_chain().
    branch* grant_all() noexcept;
    /// Takes out one that the caller has claimed, or has just linked in.
    void remove(branch& b) noexcept { unlink(b.previous, b.next); }
    /// Calls f(branch&) for each that is in the list, whether it waits or is on its way out.
    template <class F>
    void for_each(F f) {
        for (branch* b = first_.load(std::memory_order_relaxed); b != nullptr; b = b->next) {
            f(*b);
        }
    }

private:
    friend bool somebody_waits(spin_lock& lock, waiter_list& list) noexcept;

    void unlink(branch* before, branch* after) noexcept;
    [[nodiscard]] branch* go_past(branch& decided) noexcept;
    void fetch_next() const noexcept;

    std::atomic<branch*> first_{nullptr};  ///< Changes under the lock only; for somebody_waits().
    branch* last_ = nullptr;
};

/// For destructors: lets those leave whose wait was decided, and whoever holds the lock. Returns whether somebody still waits.
[[nodiscard]] bool somebody_waits(spin_lock& lock, waiter_list& list) noexcept;

/// Ends the wait, whose outcome was decided by the caller. The waiter may be gone afterwards.
void wake(waiter& w) noexcept;

/// Ends the waits of branches that were granted, from `first` on, linked by `next`. Not under the lock: who is woken may
/// destroy the primitive.
void wake_chain(branch* first) noexcept;

/// What a wait is for: for ending it early, and for messages and debuggers.
struct wait_point {
    char const* what;
    void* on;
    spin_lock& lock;
    waiter_list& list;
    /// Called under the lock when a branch was taken out whose wait was decided otherwise: returns those that can have
    /// something now that it does not stand before them any more, for wake_chain().
    branch* (*after_removal)(void* on, branch& removed) noexcept = nullptr;
};

/// The wait of `b` was decided otherwise: takes it out of the list, unless somebody else does. On the waiter's thread.
void withdraw(branch& b, wait_point const& point) noexcept;

/// The part of a wait that all waits of this floor share: parks, or puts the thread to sleep, and lets go of the locks then.
/// Those who wake, find `w` by its branches.
struct unlocking_wait : interruptible_wait, park_action {
    void (*unlock)(unlocking_wait&) noexcept = nullptr;
};
WEFT_MIXED_FN void wait(waiter& w, unlocking_wait& how, char const* what, void const* on, call_site where);

/// Says in `w` who waits: the caller. Before a branch of it is linked in for others to find.
void name_caller(waiter& w) noexcept;

/// A wait for one thing.
struct single_wait : waiter, branch {
    single_wait() { whose = this; }
    explicit single_wait(std::int64_t units) : single_wait() { amount = units; }
};

/// Waits until it is granted. The caller holds the point's lock and has linked `w` into its list; on return the lock is
/// released and `w` is unlinked. Returns false when the wait was cancelled or met a limit.
WEFT_MIXED_FN bool wait(single_wait& w, wait_point const& point, call_site where);

/// A wait for one thing whose branch others may find, and grant, before the waiter is parked. For a list whose lock must not be
/// held until then. Both sides set `met`; who is the second, wakes:
///
///     waiter    link the branch in, unlock; ... park; set `met`: was it set? then wake itself
///     waker     grant the branch, set `met`: was it set? then wake the waiter; unlock
///
/// So the waker touches a waiter that was not parked no more after its unlock, and the waiter does not touch the primitive,
/// which whoever has granted its last waiter may destroy.
struct early_wait : single_wait {
    early_wait() {
        item = &met;
        name_caller(*this);
    }
    atomic<std::uint32_t> met{0};
};

/// Waits until it is granted. The caller has linked `w` into the point's list, and holds no lock. Returns false, with `w`
/// unlinked, when the wait was cancelled or met a limit.
WEFT_MIXED_FN bool wait(early_wait& w, wait_point const& point, call_site where);

/// Ends the wait instead. Returns false if it was granted before.
[[nodiscard]] bool give_up(early_wait& w, wait_point const& point) noexcept;

/// Whether a branch that was just granted is to be woken; else its waiter goes on by itself. For lists with an early_wait in
/// them, and under their lock.
[[nodiscard]] bool is_to_be_woken(branch& granted) noexcept;

/// The whole wait for one thing:
///
///     detail::wait_for_one(w, {"an event", this, lock_, waiters_}, "wait", where, [&] { return take(); });
///
/// `take()` is called under the lock, and returns whether it took what is waited for. Else waits. Throws as throw_stopped(call)
/// does when the wait is cancelled or meets a limit.
template <class Take>
WEFT_MIXED_FN void wait_for_one(single_wait& w, wait_point const& point, char const* call, call_site where, Take take) {
    if (stop_of_caller().asked()) {
        throw_stopped(call);
    }
    point.lock.lock();
    if (take()) {
        point.lock.unlock();
        return;
    }
    point.list.push(w);
    if (!wait(w, point, where)) {
        throw_stopped(call);
    }
}

/// The identity of whoever runs: a coroutine, or else a thread.
[[nodiscard]] inline void const* runner() {
    thread_state& thread = this_thread();
    return thread.current != nullptr ? static_cast<void const*>(thread.current) : &thread;
}

/// Whoever runs holds one lock more from now on, and must not end before it has let go of it. Returns runner(). To count costs a
/// tenth of an uncontended lock() and unlock(), so debug builds do it.
[[nodiscard]] inline void const* holds_one_more() {
#if defined(WEFT_CHECK_MUTEXES)
    if (control_block* self = this_thread().current) {
        ++self->locks_held;
    }
#endif
    return runner();
}

/// Its end.
inline void holds_one_less() {
#if defined(WEFT_CHECK_MUTEXES)
    if (control_block* self = this_thread().current) {
        --self->locks_held;
    }
#endif
}

}  // namespace weft::detail
