// Atomics whose steps the explorer orders, and data whose accesses it watches.

#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <string>
#include <vector>

#include "model/explorer.hpp"

namespace model {

/// Whether `then` has happened before what the running thread does now: `who` did it.
inline bool known(unsigned who, std::uint32_t then) {
    return then != 0 && then <= clock_of_running()[who];
}

inline bool acquires(std::memory_order o) {
    return o != std::memory_order_relaxed && o != std::memory_order_release;
}
inline bool releases(std::memory_order o) {
    return o == std::memory_order_release || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}

template <class T>
std::string text_of(T value) {
    if constexpr (std::is_pointer_v<T>) {
        return value == nullptr ? "none" : "an address";
    } else {
        return std::to_string(value);
    }
}

/// What the library uses of std::atomic. It keeps the values that it had, of which a thread may read any that nothing has
/// told it to be out of date.
template <class T>
class atomic {
public:
    using order = std::memory_order;
    using call_site = weft::call_site;
    static constexpr bool is_always_lock_free = true;

    atomic(T initial = T{}) { history_.push_back(stored(initial, order::relaxed, nullptr)); }
    atomic(atomic const&) = delete;
    atomic& operator=(atomic const&) = delete;
    ~atomic() {
        for (unsigned who = 0; who <= most_threads && running() != outside; ++who) {
            if (touched_[who] != 0 && !known(who, touched_[who])) {
                fail("an atomic is destroyed, and nothing orders that after what thread " + std::to_string(who) +
                     " did with it");
            }
        }
        alive_ = 0;
        asm volatile("" : : "r"(this) : "memory");  // else the compiler sees that nobody may look
    }

    T load(order o = order::seq_cst, call_site where = call_site::here()) const {
        begin(where);
        std::size_t oldest = oldest_readable(sequential(o));
        T value = read(history_.size() - 1 - choose(static_cast<unsigned>(history_.size() - oldest)), o);
        tell(where, "loads", value);
        return value;
    }

    void store(T value, order o = order::seq_cst, call_site where = call_site::here()) {
        begin(where);
        append(value, o, nullptr);
        tell(where, "stores", value);
    }

    T exchange(T value, order o = order::seq_cst, call_site where = call_site::here()) {
        return change([&](T) { return value; }, o, where);
    }
    template <std::integral U = T>
    T fetch_add(U n, order o = order::seq_cst, call_site where = call_site::here()) {
        return change([&](T v) { return static_cast<T>(v + n); }, o, where);
    }
    template <std::integral U = T>
    T fetch_sub(U n, order o = order::seq_cst, call_site where = call_site::here()) {
        return change([&](T v) { return static_cast<T>(v - n); }, o, where);
    }
    template <std::integral U = T>
    T fetch_or(U n, order o = order::seq_cst, call_site where = call_site::here()) {
        return change([&](T v) { return static_cast<T>(v | n); }, o, where);
    }
    template <std::integral U = T>
    T fetch_and(U n, order o = order::seq_cst, call_site where = call_site::here()) {
        return change([&](T v) { return static_cast<T>(v & n); }, o, where);
    }

    /// Fails with the newest value, or with an older one that is not the expected.
    bool compare_exchange_strong(T& expected, T desired, order o = order::seq_cst,
                                 call_site where = call_site::here()) {
        begin(where);
        std::vector<std::size_t> readable{history_.size() - 1};
        for (std::size_t i = readable[0]; i-- > oldest_readable(sequential(o));) {
            if (history_[i].value != expected) {
                readable.push_back(i);
            }
        }
        std::size_t which = readable[choose(static_cast<unsigned>(readable.size()))];
        T found = read(which, o);
        if (found == expected) {
            append(desired, o, &history_.back().released);
            tell(where, "swaps in", desired);
            return true;
        }
        tell(where, "does not swap, for it finds", found);
        expected = found;
        return false;
    }
    bool compare_exchange_weak(T& expected, T desired, order o = order::seq_cst, call_site where = call_site::here()) {
        return compare_exchange_strong(expected, desired, o, where);
    }

    /// For what the kernel does with it.
    [[nodiscard]] T newest() const { return history_.back().value; }

private:
    struct value_then {
        T value;
        bool sequential;
        moment released;  ///< What who acquires it knows from then on.
        moment seen;      ///< When each thread first knew of it.
    };
    static constexpr std::uint64_t alive = 0xa11f'e0b1'ec75'0001;
    static constexpr std::size_t most_kept = 8;

    void begin(call_site where) const {
        step(where);
        if (alive_ != alive) {
            fail("a step on an atomic that was destroyed, at " + std::string(where.file()) + ':' +
                 std::to_string(where.line()));
        }
        touched_[running()] = clock_of_running()[running()];
    }

    [[nodiscard]] static value_then stored(T value, order o, moment const* continued) {
        value_then v{value, sequential(o), continued != nullptr ? *continued : moment{}, {}};
        if (releases(o)) {
            moment const& mine = clock_of_running();
            std::ranges::transform(v.released, mine, v.released.begin(), [](auto a, auto b) { return std::max(a, b); });
        }
        v.seen[running()] = clock_of_running()[running()];
        return v;
    }

    void append(T value, order o, moment const* continued) {
        value_then v = stored(value, o, continued);
        if (history_.size() == most_kept) {
            history_.erase(history_.begin());
        }
        bool changes = value != newest();  // else who waits for a change would be woken by one that waits too
        history_.push_back(v);
        if (changes) {
            changed();
        }
    }

    /// The oldest value that the running thread may read: the newest that it knows of, in whatever way.
    [[nodiscard]] std::size_t oldest_readable(bool in_the_one_order) const {
        std::size_t i = history_.size() - 1;
        if (running() == outside || reads_newest()) {
            return i;
        }
        for (; i > 0; --i) {
            value_then const& v = history_[i];
            bool know = in_the_one_order && v.sequential;
            for (unsigned who = 0; who <= most_threads && !know; ++who) {
                know = known(who, v.seen[who]);
            }
            if (know) {
                break;
            }
        }
        return i;
    }

    T read(std::size_t which, order o) const {
        value_then& v = history_[which];
        moment& mine = clock_of_running();
        if (v.seen[running()] == 0) {
            v.seen[running()] = mine[running()];
        }
        if (acquires(o)) {
            std::ranges::transform(mine, v.released, mine.begin(), [](auto a, auto b) { return std::max(a, b); });
        }
        return v.value;
    }

    template <class F>
    T change(F f, order o, call_site where) {
        begin(where);
        T before = read(history_.size() - 1, o);
        append(f(before), o, &history_.back().released);
        tell(where, ("finds " + text_of(before) + ", leaves").c_str(), newest());
        return before;
    }

    void tell(call_site where, char const* did, T value) const {
        if (wants_notes()) {
            note(where, std::string(did) + ' ' + text_of(value) +
                            (value == newest() ? "" : ", which is out of date: " + text_of(newest())));
        }
    }

    std::uint64_t alive_ = alive;
    mutable moment touched_{};
    mutable std::vector<value_then> history_;
};

/// Data that is no atomic: two accesses of which one is a write, and neither happens before the other, are a failure.
template <class T>
class plain {
public:
    explicit plain(T initial) : value_(initial) { written_[running()] = clock_of_running()[running()]; }

    [[nodiscard]] T read() const {
        check(written_, "read");
        read_[running()] = clock_of_running()[running()];
        return value_;
    }
    void write(T value) {
        check(written_, "written");
        check(read_, "written");
        written_[running()] = clock_of_running()[running()];
        value_ = value;
    }

private:
    static void check(moment const& before, char const* done) {
        for (unsigned who = 0; who <= most_threads; ++who) {
            if (before[who] != 0 && !known(who, before[who])) {
                fail("a data race: " + std::string(done) + " by thread " + std::to_string(running()) +
                     ", and nothing orders it after what thread " + std::to_string(who) + " did");
            }
        }
    }

    T value_;
    moment written_{};
    mutable moment read_{};
};

}  // namespace model
