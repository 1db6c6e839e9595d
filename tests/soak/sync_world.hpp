// The world of soak_sync: all that its coroutines and threads share, each thing with the counters that prove that nothing of it
// is lost and nothing is had twice. What is done with it is in sync_actor.hpp.

#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <system_error>
#include <utility>
#include <weft/barrier.hpp>
#include <weft/channel.hpp>
#include <weft/condition_variable.hpp>
#include <weft/event.hpp>
#include <weft/mutex.hpp>
#include <weft/once.hpp>
#include <weft/semaphore.hpp>
#include <weft/shared_mutex.hpp>
#include <weft/task.hpp>
#include <weft/unix.hpp>
#include <weft/wait_group.hpp>
#include <weft/wait_queue.hpp>

#include "soak.hpp"

namespace soak {

/// What all coroutines of all threads share.
struct world {
    static constexpr std::int64_t units = 8;

    weft::mutex lock;
    std::uint64_t under_lock = 0;
    counter locked;

    weft::recursive_mutex nested;
    std::uint64_t under_nested = 0;
    counter nested_locked;

    weft::shared_mutex table;
    std::uint64_t value = 0, copy = 0;
    counter written, upgraded;
    std::atomic<bool> upgrading{false};  ///< Two at a time would be a deadlock.

    weft::semaphore budget{units};
    std::atomic<std::int64_t> taken{0};

    weft::channel<std::uint64_t> unbuffered, bounded{4}, unbounded{weft::channel<std::uint64_t>::unbounded};
    counter sent, received;  ///< The sums of the values.

    weft::wait_queue queue;
    counter wakes, woken;

    weft::event tick{weft::event::automatic};
    counter ticks, passed;

    weft::event door{weft::event::manual};

    weft::mutex stack_lock;
    weft::condition_variable pushed;
    std::deque<std::uint64_t> stack;
    counter pushes, pops;

    struct phase_ended {
        counter& phases;
        void operator()() const noexcept { phases.add(); }
    };
    static constexpr std::uint64_t meeting = 3;
    counter phases, met;
    weft::barrier<phase_ended> barrier{meeting, phase_ended{phases}};

    weft::wait_group group;

    std::array<weft::once_flag, 4'096> flags;
    std::array<std::uint64_t, 4'096> made{};  ///< Each is guarded by its flag.

    counter operations, given_up, cancelled;
    counter helpers_begun, helpers_ended;
    counter asked, rung, taken_back;
    counter bytes;
    std::atomic<bool> over{false};
};

/// A pair of sockets of one loop. The bytes count up, so that one that is lost or comes twice is seen.
class counted_stream {
public:
    /// Writes some. What was written before the wait was ended stays written.
    void write(std::size_t count) {
        std::scoped_lock lock(writing_);
        std::array<std::byte, most> bytes;
        for (std::size_t i = 0; i < count; ++i) {
            bytes[i] = static_cast<std::byte>(written_ + i);
        }
        std::error_code ec;
        written_ += ends_.first.write_all(std::span(bytes).first(count), ec);
        throw_if(ec);
    }
    /// Reads what is there. Returns how many.
    std::size_t read(std::size_t count) {
        std::scoped_lock lock(reading_);
        std::array<std::byte, most> bytes;
        std::error_code ec;
        std::size_t n = ends_.second.read(std::span(bytes).first(count), ec);
        for (std::size_t i = 0; i < n; ++i) {
            REQUIRE(bytes[i] == static_cast<std::byte>(read_ + i));
        }
        read_ += n;
        throw_if(ec);
        return n;
    }
    /// Reads what is left.
    void finish() {
        ends_.first.shutdown_write();
        while (read(most) != 0) {
        }
        REQUIRE(read_ == written_);
    }

    static constexpr std::size_t most = 4'096;

private:
    static void throw_if(std::error_code const& ec) {
        if (ec) {
            throw std::system_error(ec);
        }
    }

    std::pair<weft::unix_stream, weft::unix_stream> ends_ = weft::unix_stream_pair();
    weft::mutex writing_, reading_;
    std::uint64_t written_ = 0, read_ = 0;
};

/// What rings for those that wait in suspend(). One loop's.
class doorbell {
public:
    explicit doorbell(world& w) : w_(w) {}

    void wait() {
        weft::suspend([this](weft::handle h) {
            w_.asked.add();
            std::uint64_t id = ++last_;
            waiting_.emplace_back(id, std::move(h));
            return [this, id] { return forget(id); };
        });
        w_.rung.add();
    }
    void ring() {
        if (!waiting_.empty()) {
            weft::handle first = std::move(waiting_.front().second);
            waiting_.pop_front();
            first.wake();
        }
    }
    ~doorbell() { REQUIRE(waiting_.empty()); }

private:
    bool forget(std::uint64_t id) {
        auto found = std::ranges::find(waiting_, id, &std::pair<std::uint64_t, weft::handle>::first);
        if (found == waiting_.end()) {
            return false;
        }
        w_.taken_back.add();
        waiting_.erase(found);
        return true;
    }

    world& w_;
    std::uint64_t last_ = 0;
    std::deque<std::pair<std::uint64_t, weft::handle>> waiting_;
};

/// What the coroutines of one loop share.
struct place_of_one_loop {
    explicit place_of_one_loop(world& w) : bell(w) {}

    counted_stream stream;
    doorbell bell;
};

/// At the end, when nobody runs any more.
inline void check(world& w) {
    for (auto* c : {&w.unbuffered, &w.bounded, &w.unbounded}) {
        while (auto left = c->try_receive()) {
            w.received.add(*left);
        }
    }
    REQUIRE(w.sent.get() == w.received.get());
    REQUIRE(w.under_lock == w.locked.get());
    REQUIRE(w.lock.try_lock());
    w.lock.unlock();
    REQUIRE(w.under_nested == w.nested_locked.get());
    REQUIRE(w.nested.try_lock());
    w.nested.unlock();
    REQUIRE(w.value == w.copy && w.value == w.written.get());
    REQUIRE(w.table.try_lock());
    w.table.unlock();
    REQUIRE(w.budget.available() == world::units && w.taken == 0);
    REQUIRE(w.queue.empty());
    REQUIRE(w.wakes.get() == w.woken.get());
    REQUIRE(w.passed.get() <= w.ticks.get());
    REQUIRE(w.met.get() == w.phases.get() * world::meeting);
    REQUIRE(w.group.count() == 0);
    REQUIRE(w.pushes.get() == w.pops.get() + w.stack.size());
    REQUIRE(w.helpers_begun.get() == w.helpers_ended.get());
    REQUIRE(w.asked.get() == w.rung.get() + w.taken_back.get());
}

}  // namespace soak
