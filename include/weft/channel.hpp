// Floor: sync
//
// Values from one coroutine (or thread) to another, in order:
//
//     weft::channel<job> jobs(16);                     // buffers up to 16; 0: a sender waits for a receiver
//     scope.spawn([&] {
//         for (job& j : jobs) { run(j); }              // until it is closed, and empty
//     });
//     for (auto& j : work) { (void)jobs.send(std::move(j)); }   // waits while it is full
//     jobs.close();
//
// Any number of senders and receivers, on any loops and threads; each value is received once, first come, first
// served. A value goes straight from the sender to a receiver that waits. close() ends all waits: senders get `false`
// and keep their value; receivers get what was sent before, and then nothing.

#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <weft/detail/wait/waiter.hpp>
#include <weft/select.hpp>

namespace weft {

template <class T>
class channel;

namespace when {
template <class T>
class received;
template <class T>
class sent;
}  // namespace when

namespace detail {

/// What does not depend on the type of the values.
class channel_base {
public:
    explicit channel_base(std::size_t capacity) : capacity_(capacity) {}
    channel_base(channel_base const&) = delete;
    channel_base& operator=(channel_base const&) = delete;

    /// No more values: senders get `false`, receivers what is left. Idempotent.
    /// Threads: any. Suspends: no. Allocates: no.
    void close() noexcept;

    [[nodiscard]] bool closed() const noexcept {
        std::lock_guard guard(lock_);
        return closed_;
    }

protected:
    ~channel_base();

    // A branch's item is the sender's value, or where to put the receiver's. Its amount is set to this when the wait
    // ended because the channel was closed.
    static constexpr std::int64_t closed_mark = 1;

    /// Waits, holding lock_. Returns false if the channel was closed meanwhile; throws if the wait was ended.
    WEFT_MIXED_FN bool wait_in(waiter_list& list, void* item, char const* what, call_site where);

    mutable spin_lock lock_;
    waiter_list senders_;    ///< Not empty only while it is full.
    waiter_list receivers_;  ///< Not empty only while it is empty.
    std::size_t const capacity_;
    bool closed_ = false;
};

/// First in, first out, in one block of memory that is doubled when it is full.
template <class T>
class ring {
public:
    ring() = default;
    ring(ring const&) = delete;
    ring& operator=(ring const&) = delete;
    ~ring() {
        while (size_ > 0) {
            (void)pop();
        }
    }

    [[nodiscard]] std::size_t size() const { return size_; }

    void reserve(std::size_t capacity) {
        if (capacity <= capacity_) {
            return;
        }
        std::size_t larger = std::bit_ceil(capacity);
        auto memory = std::make_unique<slot[]>(larger);
        for (std::size_t i = 0; i < size_; ++i) {
            T& old = at(i);
            ::new (static_cast<void*>(memory[i].bytes)) T(std::move(old));
            std::destroy_at(&old);
        }
        memory_ = std::move(memory);
        capacity_ = larger;
        first_ = 0;
    }

    void push(T&& value) {
        reserve(size_ + 1);
        ::new (static_cast<void*>(memory_[(first_ + size_) & (capacity_ - 1)].bytes)) T(std::move(value));
        ++size_;
    }

    T pop() noexcept {
        T& oldest = at(0);
        T value(std::move(oldest));
        std::destroy_at(&oldest);
        first_ = (first_ + 1) & (capacity_ - 1);
        --size_;
        return value;
    }

private:
    struct slot {
        alignas(T) std::byte bytes[sizeof(T)];
    };

    T& at(std::size_t i) { return *std::launder(reinterpret_cast<T*>(memory_[(first_ + i) & (capacity_ - 1)].bytes)); }

    std::unique_ptr<slot[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace detail

template <class T>
class channel : public detail::channel_base {
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "a value is moved while others wait for it: that must not fail");

public:
    /// As the capacity: send() never waits, and may allocate.
    static constexpr std::size_t unbounded = SIZE_MAX;

    /// Holds up to `capacity` values; with 0, send() waits for a receiver. Allocates: here, and not later.
    explicit channel(std::size_t capacity = 0) : channel_base(capacity) {
        if (capacity != unbounded) {
            values_.reserve(capacity);
        }
    }
    /// Ends the program with a message if somebody waits. Values that were not received are destroyed.
    ~channel() = default;

    /// Hands the value to a receiver, or buffers it; waits while there is no room. Returns false, and leaves `value`
    /// as it is, if the channel is closed.
    /// Throws std::system_error (operation_canceled, timed_out) when the wait ends early; `value` is left as it is
    /// then too.
    /// Threads: any. Suspends: inside a coroutine, if it has to wait; elsewhere it blocks.
    [[nodiscard]] WEFT_MIXED_FN bool send(T&& value, call_site where = call_site::here()) {
        std::unique_lock guard(lock_);
        detail::branch* receiver = nullptr;
        if (give(value, receiver)) {
            guard.unlock();
            detail::wake_chain(receiver);
            return true;
        }
        guard.release();
        return this->wait_in(senders_, std::addressof(value), "room in a channel", where);
    }
    [[nodiscard]] WEFT_MIXED_FN bool send(T const& value, call_site where = call_site::here()) {
        T copy(value);
        return send(std::move(copy), where);
    }

    /// send(), if it need not wait. Returns false if it would have to, or if the channel is closed.
    /// Threads: any. Suspends: no.
    [[nodiscard]] bool try_send(T&& value) {
        std::unique_lock guard(lock_);
        detail::branch* receiver = nullptr;
        bool given = give(value, receiver);
        guard.unlock();
        detail::wake_chain(receiver);
        return given;
    }

    [[nodiscard]] bool try_send(T const& value) {
        T copy(value);
        return try_send(std::move(copy));
    }

    /// The next value; waits for it. None if the channel is closed and all values were received.
    /// Throws std::system_error (operation_canceled, timed_out) when the wait ends early.
    /// Threads: any. Suspends: inside a coroutine, if it has to wait; elsewhere it blocks.
    [[nodiscard]] WEFT_MIXED_FN std::optional<T> receive(call_site where = call_site::here()) {
        std::optional<T> value;
        lock_.lock();
        detail::branch* sender = nullptr;
        if (get(value, sender)) {
            lock_.unlock();
            detail::wake_chain(sender);
        } else {
            this->wait_in(receivers_, &value, "a channel's next value", where);
        }
        return value;
    }

    /// The next value, if there is one already. Threads: any. Suspends: no.
    [[nodiscard]] std::optional<T> try_receive() {
        std::optional<T> value;
        lock_.lock();
        detail::branch* sender = nullptr;
        (void)get(value, sender);
        lock_.unlock();
        detail::wake_chain(sender);
        return value;
    }

    /// How many values are buffered.
    [[nodiscard]] std::size_t size() const noexcept {
        std::lock_guard guard(lock_);
        return values_.size();
    }

    /// Receives until the channel is closed and empty: `for (T& value : channel)`.
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = T*;
        using reference = T&;

        iterator() = default;
        WEFT_MIXED_FN explicit iterator(channel& from, call_site where) : from_(&from), where_(where) { ++*this; }
        T& operator*() const { return *value_; }
        T* operator->() const { return &*value_; }
        WEFT_MIXED_FN iterator& operator++() {
            value_.reset();
            if (auto next = from_->receive(where_)) {
                value_.emplace(std::move(*next));
            }
            return *this;
        }
        WEFT_MIXED_FN void operator++(int) { ++*this; }
        friend bool operator==(iterator const& i, std::default_sentinel_t) { return !i.value_; }

    private:
        channel* from_ = nullptr;
        call_site where_;
        mutable std::optional<T> value_;
    };
    WEFT_MIXED_FN iterator begin(call_site where = call_site::here()) { return iterator(*this, where); }
    std::default_sentinel_t end() { return {}; }

private:
    friend class when::received<T>;
    friend class when::sent<T>;

    /// Whether the value was handed to a receiver, which is to be woken, or buffered. Under lock_.
    bool give(T& value, detail::branch*& receiver) {
        if (closed_) {
            return false;
        }
        receiver = receivers_.grant_first();
        if (receiver != nullptr) {
            receiver->next = nullptr;
            static_cast<std::optional<T>*>(receiver->item)->emplace(std::move(value));
            return true;
        }
        if (values_.size() >= capacity_) {
            return false;
        }
        values_.push(std::move(value));
        return true;
    }

    /// Whether there is an answer: a value, or, as the channel is closed, none. `sender` is to be woken. Under lock_.
    bool get(std::optional<T>& value, detail::branch*& sender) noexcept {
        bool was_inside = values_.size() > 0;
        if (was_inside) {
            value.emplace(values_.pop());
        }
        sender = senders_.grant_first();
        if (sender != nullptr) {
            sender->next = nullptr;
            T& next = *static_cast<T*>(sender->item);
            if (was_inside) {
                values_.push(std::move(next));
            } else {
                value.emplace(std::move(next));
            }
        }
        return value.has_value() || closed_;
    }

    detail::ring<T> values_;
};

namespace when {

/// A value was received: std::optional<T>, none if the channel is closed and empty.
template <class T>
class received final : public detail::select_case {
public:
    using result = std::optional<T>;
    explicit received(channel<T>& from, call_site where = call_site::here())
        : select_case(where, "a channel's next value", &from), from_(from) {}
    result take() { return std::move(value_); }

    [[nodiscard]] detail::spin_lock* lock() noexcept override { return &from_.lock_; }
    [[nodiscard]] bool take_now(detail::branch*& to_wake) override { return from_.get(value_, to_wake); }
    void enlist() override {
        b.item = &value_;
        from_.receivers_.push(b);
    }
    WEFT_MIXED_FN void withdraw() noexcept override {
        detail::withdraw(b, {"a channel's next value", &from_, from_.lock_, from_.receivers_});
    }

private:
    channel<T>& from_;
    std::optional<T> value_;
};

/// A value was sent: true, or, as the channel is closed, false. Unless this case is chosen, and with true, the value is left
/// as it is.
template <class T>
class sent final : public detail::select_case {
public:
    using result = bool;
    sent(channel<T>& to, T& value, call_site where = call_site::here())
        : select_case(where, "room in a channel", &to), to_(to), value_(value) {}
    result take() { return !closed_ && b.amount == 0; }

    [[nodiscard]] detail::spin_lock* lock() noexcept override { return &to_.lock_; }
    [[nodiscard]] bool take_now(detail::branch*& to_wake) override {
        closed_ = to_.closed_;
        return closed_ || to_.give(value_, to_wake);
    }
    void enlist() override {
        b.item = std::addressof(value_);
        to_.senders_.push(b);
    }
    WEFT_MIXED_FN void withdraw() noexcept override {
        detail::withdraw(b, {"room in a channel", &to_, to_.lock_, to_.senders_});
    }

private:
    channel<T>& to_;
    T& value_;
    bool closed_ = false;
};

}  // namespace when
}  // namespace weft
