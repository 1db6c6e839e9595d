// Floor: sync
//
// Waiting for whichever of several things comes first:
//
//     auto first = weft::select(weft::when::received(jobs), weft::when::sent(results, r), weft::when::after(1s));
//     switch (first.index()) {
//         case 0: run(std::get<0>(first)); break;      // std::optional<job>: none when the channel was closed
//         case 1: ...                                  // `r` was moved out; otherwise it is untouched
//         case 2: ...
//     }
//
// Exactly one case is taken. If several are available, the search begins at a random one, so that none starves. The
// cases stand here (locked, locked_shared, acquired, happened, all_done, woken), in channel.hpp (received, sent), and
// in when.hpp (after, at, ended, readable, writable, arrived).
//
// The locks of all primitives are held, taken in order of their addresses so that two selects can't deadlock, while
// select() checks whether a case is available and links its waiters. From then on whoever has something to give
// claims the whole wait with one compare-and-swap (detail::branch::claim), and tries the next waiter if another was
// faster. So a select that takes one case takes nothing of the others.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <variant>
#include <weft/condition_variable.hpp>
#include <weft/detail/wait/waiter.hpp>
#include <weft/event.hpp>
#include <weft/mutex.hpp>
#include <weft/semaphore.hpp>
#include <weft/shared_mutex.hpp>
#include <weft/wait_group.hpp>
#include <weft/wait_queue.hpp>

namespace weft {

namespace detail {

/// One thing that a select() waits for. It lies in the select()'s frame.
class select_case {
public:
    /// `what`, and which one: for dump().
    select_case(call_site where, char const* what, void const* on)
        : called_from(where), waits_for(what), waits_on(on) {}
    select_case(select_case const&) = delete;
    select_case& operator=(select_case const&) = delete;

    branch b;
    call_site called_from;
    char const* waits_for;
    void const* waits_on;

    /// The lock that guards it; nullptr if only the thread's own loop can grant it.
    [[nodiscard]] virtual spin_lock* lock() noexcept { return nullptr; }
    /// Takes it if it is available, and sets `to_wake` to the waiters that have to be woken for that. Under the lock.
    [[nodiscard]] virtual bool take_now(branch*& to_wake) = 0;
    /// Links the branch in. Under the lock, after take_now() has returned false.
    virtual void enlist() = 0;
    /// Unlinks the branch, as another case was chosen, or none.
    WEFT_MIXED_FN virtual void withdraw() noexcept = 0;

protected:
    ~select_case() = default;
};

/// Waits; returns the number of the case that was taken. Locks: room for as many pointers as there are cases.
WEFT_MIXED_FN std::size_t select(std::span<select_case* const> cases, std::span<spin_lock*> locks);

}  // namespace detail

namespace when {

/// A mutex was locked, or a shared_mutex as its writer. A select() that would wait ends the program with a message if
/// the caller holds it (a recursive_mutex may be held).
template <class Mutex>
class locked;
locked(mutex&, call_site = {})->locked<mutex>;
locked(recursive_mutex&, call_site = {})->locked<recursive_mutex>;
locked(shared_mutex&, call_site = {})->locked<shared_mutex>;

template <>
class locked<mutex> final : public detail::select_case {
public:
    using result = std::monostate;
    explicit locked(mutex& m, call_site where = call_site::here()) : select_case(where, "a mutex", &m), m_(m) {}
    result take() {
        m_.note_holder();
        return {};
    }

    [[nodiscard]] detail::spin_lock* lock() noexcept override { return &m_.waiters_lock_; }
    [[nodiscard]] bool take_now(detail::branch*& to_wake) override;
    void enlist() override {
        m_.require_another_holder(called_from);
        m_.waiters_.push(b);
    }
    WEFT_MIXED_FN void withdraw() noexcept override;

private:
    mutex& m_;
};

template <>
class locked<recursive_mutex> final : public detail::select_case {
public:
    using result = std::monostate;
    explicit locked(recursive_mutex& m, call_site where = call_site::here())
        : select_case(where, "a recursive_mutex", &m), m_(m) {}
    result take() {
        if (!m_.owned()) {
            m_.m_.note_holder();
        }
        ++m_.depth_;
        return {};
    }

    [[nodiscard]] detail::spin_lock* lock() noexcept override { return &m_.m_.waiters_lock_; }
    [[nodiscard]] bool take_now(detail::branch*& to_wake) override;
    void enlist() override { m_.m_.waiters_.push(b); }
    WEFT_MIXED_FN void withdraw() noexcept override;

private:
    recursive_mutex& m_;
};

template <>
class locked<shared_mutex> final : public detail::select_case {
public:
    using result = std::monostate;
    explicit locked(shared_mutex& m, call_site where = call_site::here())
        : select_case(where, "a shared_mutex", &m), m_(m) {
        b.amount = shared_mutex::exclusive;
    }
    result take() {
        m_.owner_.store(detail::holds_one_more(), std::memory_order_relaxed);
        return {};
    }

    [[nodiscard]] detail::spin_lock* lock() noexcept override { return &m_.lock_; }
    [[nodiscard]] bool take_now(detail::branch*&) override { return m_.take(shared_mutex::exclusive); }
    void enlist() override {
        m_.require_another_writer(called_from);
        m_.waiters_.push(b);
    }
    WEFT_MIXED_FN void withdraw() noexcept override { m_.withdraw(b); }

private:
    shared_mutex& m_;
};

/// A shared_mutex was locked as a reader; otherwise as locked.
class locked_shared final : public detail::select_case {
public:
    using result = std::monostate;
    explicit locked_shared(shared_mutex& m, call_site where = call_site::here())
        : select_case(where, "a shared_mutex, shared", &m), m_(m) {
        b.amount = shared_mutex::shared;
    }
    result take() { return {}; }

    [[nodiscard]] detail::spin_lock* lock() noexcept override { return &m_.lock_; }
    [[nodiscard]] bool take_now(detail::branch*&) override { return m_.take(shared_mutex::shared); }
    void enlist() override {
        m_.require_another_writer(called_from);
        m_.waiters_.push(b);
    }
    WEFT_MIXED_FN void withdraw() noexcept override { m_.withdraw(b); }

private:
    shared_mutex& m_;
};

/// Units of a semaphore were taken.
class acquired final : public detail::select_case {
public:
    using result = std::monostate;
    explicit acquired(semaphore& s, std::int64_t amount = 1, call_site where = call_site::here())
        : select_case(where, "a semaphore", &s), s_(s) {
        b.amount = amount;
    }
    result take() { return {}; }

    [[nodiscard]] detail::spin_lock* lock() noexcept override { return &s_.lock_; }
    [[nodiscard]] bool take_now(detail::branch*& to_wake) override;
    void enlist() override { s_.waiters_.push(b); }
    WEFT_MIXED_FN void withdraw() noexcept override;

private:
    semaphore& s_;
};

/// An event was set; an automatic one is reset.
class happened final : public detail::select_case {
public:
    using result = std::monostate;
    explicit happened(event& e, call_site where = call_site::here()) : select_case(where, "an event", &e), e_(e) {}
    result take() { return {}; }

    [[nodiscard]] detail::spin_lock* lock() noexcept override { return &e_.lock_; }
    [[nodiscard]] bool take_now(detail::branch*&) override { return e_.take(); }
    void enlist() override { e_.waiters_.push(b); }
    WEFT_MIXED_FN void withdraw() noexcept override;

private:
    event& e_;
};

/// The count of a wait_group or a latch is zero.
class all_done final : public detail::select_case {
public:
    using result = std::monostate;
    explicit all_done(wait_group& g, call_site where = call_site::here())
        : select_case(where, "a wait_group", &g), g_(g) {}
    explicit all_done(latch& l, call_site where = call_site::here()) : all_done(l.left_, where) {}
    result take() { return {}; }

    [[nodiscard]] detail::spin_lock* lock() noexcept override { return &g_.lock_; }
    [[nodiscard]] bool take_now(detail::branch*&) override { return g_.take(); }
    void enlist() override { g_.waiters_.push(b); }
    WEFT_MIXED_FN void withdraw() noexcept override;

private:
    wait_group& g_;
};

/// A wait_queue woke the caller, or a condition_variable notified it. No lock is released meanwhile. So what changes
/// before the wake-up must belong to coroutines of one loop, or the waker must not need a lock that the caller of
/// select() holds.
class woken final : public detail::select_case {
public:
    using result = std::monostate;
    explicit woken(wait_queue& q, call_site where = call_site::here())
        : select_case(where, "a wait_queue", &q), q_(q) {}
    explicit woken(condition_variable& c, call_site where = call_site::here()) : woken(c.waiters_, where) {}
    result take() { return {}; }

    [[nodiscard]] detail::spin_lock* lock() noexcept override { return &q_.lock_; }
    [[nodiscard]] bool take_now(detail::branch*& to_wake) override;
    void enlist() override { q_.waiters_.push(b); }
    WEFT_MIXED_FN void withdraw() noexcept override;

private:
    wait_queue& q_;
};

}  // namespace when

/// Waits until one of the cases is available, and takes it. The result's index is that of the case, its value what
/// the case gives.
/// Throws std::system_error (operation_canceled, timed_out) when the wait ends early; nothing was taken then.
/// Threads: any. Suspends: inside a coroutine, if it has to wait; elsewhere it blocks. Allocates: no.
template <class... Cases>
    requires(sizeof...(Cases) > 0 && (std::is_base_of_v<detail::select_case, Cases> && ...))
WEFT_MIXED_FN std::variant<typename Cases::result...> select(Cases... cases) {
    std::array<detail::select_case*, sizeof...(Cases)> all{&cases...};
    std::array<detail::spin_lock*, sizeof...(Cases)> locks;
    std::size_t chosen = detail::select(all, locks);
    std::variant<typename Cases::result...> result;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (void)((chosen == I && (result.template emplace<I>(cases.take()), true)) || ...);
    }
    (std::index_sequence_for<Cases...>());
    return result;
}

}  // namespace weft
