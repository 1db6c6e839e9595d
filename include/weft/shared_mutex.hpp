// Floor: sync
//
// One writer or many readers. weft::shared_mutex is SharedLockable: it goes with std::shared_lock and std::unique_lock.
//
//     std::shared_lock reading(table_lock);          // others read at the same time
//     std::unique_lock writing(table_lock);          // nobody else is in
//
// Fair: first come, first served. Readers that come after a waiting writer wait behind it, and adjacent waiting
// readers get the lock together. So neither readers nor writers starve. (A reader must not take the lock a second
// time: it could wait behind a writer that waits for it.)
//
// A writer may become a reader without releasing the lock (downgrade). A reader may become the writer without
// releasing it (upgrade): it waits for the other readers to leave, ahead of everyone who waits already. Two upgrades
// at the same time would wait for each other; the second ends the program with a message.

#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>         // std::unique_lock
#include <shared_mutex>  // std::shared_lock
#include <weft/detail/wait/waiter.hpp>
#include <weft/limit.hpp>

namespace weft {

namespace when {
template <class Mutex>
class locked;
class locked_shared;
}  // namespace when

class shared_mutex {
public:
    shared_mutex() = default;
    shared_mutex(shared_mutex const&) = delete;
    shared_mutex& operator=(shared_mutex const&) = delete;
    /// Ends the program with a message if it is locked. In debug builds, so does the end of a coroutine that is the writer.
    ~shared_mutex();

    /// Takes the lock as the writer: waits until nobody else holds it. One atomic operation if it is free. Ends the
    /// program with a message if the caller is the writer, or if it would close a cycle as for mutex::lock().
    /// Throws std::system_error (operation_canceled) when the task is cancelled meanwhile; it does not hold the lock
    /// then.
    /// Threads: any. Suspends: inside a coroutine, if it has to wait; elsewhere it blocks. Allocates: no.
    WEFT_MIXED_FN void lock(call_site where = call_site::here()) {
        if (!try_lock()) [[unlikely]] {
            lock_slowly(exclusive, where);
            owner_.store(detail::holds_one_more(), std::memory_order_relaxed);
        }
    }
    /// Threads: any. Suspends: no. Allocates: no.
    [[nodiscard]] bool try_lock() { return become_writer(0); }
    /// lock(), but waits no longer than `l`. Returns whether the caller holds the lock.
    WEFT_MIXED_FN bool try_lock_for(limit const& l, call_site where = call_site::here()) {
        return try_lock() || within(
                                 l, [&] { lock(where); }, where);
    }
    WEFT_MIXED_FN bool try_lock_until(clock::time_point when, call_site where = call_site::here()) {
        return try_lock_for(when, where);
    }
    /// Ends the program with a message if the caller is not the writer.
    /// Threads: the writer's. Suspends: no. Allocates: no.
    void unlock(call_site where = call_site::here());

    /// Takes the lock as a reader: waits while a writer holds it, or came before. Otherwise as lock().
    WEFT_MIXED_FN void lock_shared(call_site where = call_site::here()) {
        if (!try_lock_shared()) [[unlikely]] {
            lock_slowly(shared, where);
        }
    }
    /// Threads: any. Suspends: no. Allocates: no.
    [[nodiscard]] bool try_lock_shared() {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while ((word & (contended | writer)) == 0) {
            if (word_.compare_exchange_weak(word, word + reader, std::memory_order_acquire)) {
                return true;
            }
        }
        return false;
    }
    WEFT_MIXED_FN bool try_lock_shared_for(limit const& l, call_site where = call_site::here()) {
        return try_lock_shared() || within(
                                        l, [&] { lock_shared(where); }, where);
    }
    WEFT_MIXED_FN bool try_lock_shared_until(clock::time_point when, call_site where = call_site::here()) {
        return try_lock_shared_for(when, where);
    }
    /// Ends the program with a message if there is no reader.
    /// Threads: the reader's. Suspends: no. Allocates: no.
    void unlock_shared(call_site where = call_site::here()) {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        do {
            if ((word & (contended | writer)) != 0 || word < reader) [[unlikely]] {
                unlock_shared_slowly(where);
                return;
            }
        } while (!word_.compare_exchange_weak(word, word - reader, std::memory_order_release));
    }

    /// The calling reader becomes the writer; it waits for the other readers to leave.
    /// Throws std::system_error (operation_canceled) when the task is cancelled meanwhile; it is a reader still, then.
    /// Ends the program with a message if another reader waits for the same.
    /// Threads: the reader's. Suspends: inside a coroutine, if it has to wait; elsewhere it blocks. Allocates: no.
    WEFT_MIXED_FN void upgrade(call_site where = call_site::here()) {
        if (!become_writer(reader)) [[unlikely]] {
            upgrade_slowly(where);
            owner_.store(detail::holds_one_more(), std::memory_order_relaxed);
        }
    }
    /// The same if the caller is the only reader, and nobody waits.
    /// Threads: the reader's. Suspends: no. Allocates: no.
    [[nodiscard]] bool try_upgrade() { return become_writer(reader); }

    /// The calling writer becomes a reader without releasing the lock; the readers at the head of the queue get it
    /// too. Ends the program with a message if the caller is not the writer.
    /// Threads: the writer's. Suspends: no. Allocates: no.
    void downgrade(call_site where = call_site::here());

private:
    friend class when::locked<shared_mutex>;
    friend class when::locked_shared;

    // The word: whether somebody waits, whether there is a writer, and how many readers there are. While `contended`
    // is set it changes under lock_ only, so that nobody overtakes those that wait.
    static constexpr std::uint64_t contended = 1;
    static constexpr std::uint64_t writer = 2;
    static constexpr std::uint64_t reader = 4;
    enum kind : std::int64_t { shared, exclusive };  // branch::amount

    bool become_writer(std::uint64_t from) {
        if (!word_.compare_exchange_strong(from, writer, std::memory_order_acquire)) {
            return false;
        }
        owner_.store(detail::holds_one_more(), std::memory_order_relaxed);
        return true;
    }
    void require_another_writer(call_site where) const;
    WEFT_MIXED_FN void lock_slowly(kind k, call_site where);
    WEFT_MIXED_FN void upgrade_slowly(call_site where);
    void unlock_shared_slowly(call_site where);
    [[nodiscard]] static bool has_room(std::uint64_t word, std::int64_t k) noexcept;
    [[nodiscard]] std::uint64_t look() noexcept;
    [[nodiscard]] bool take(kind k) noexcept;
    [[nodiscard]] bool take_upgrade(call_site where);
    void withdraw(detail::branch& b) noexcept;
    void require_writer(char const* what, call_site where) const;
    void leave(std::uint64_t change) noexcept;
    detail::branch* grant() noexcept;
    static detail::branch* grant_others(void* on, detail::branch& removed) noexcept;

    detail::atomic<std::uint64_t> word_{0};
    std::atomic<void const*> owner_{nullptr};  ///< The writer.
    detail::spin_lock lock_;
    detail::waiter_list upgrading_;  ///< One at most.
    detail::waiter_list waiters_;
};

}  // namespace weft
