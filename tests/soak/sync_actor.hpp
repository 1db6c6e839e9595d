// What a coroutine or a thread of soak_sync does at random, with limits that are met at any moment.

#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <thread>
#include <weft/limit.hpp>
#include <weft/select.hpp>
#include <weft/shield.hpp>
#include <weft/task.hpp>
#include <weft/when.hpp>

#include "sync_world.hpp"

namespace soak {

class actor {
public:
    /// `here`: nullptr for a plain thread.
    actor(world& w, place_of_one_loop* here, std::uint64_t start) : w_(w), here_(here), random_(start) {}

    /// Until it is cancelled.
    void live() {
        while (!w_.over.load(std::memory_order_relaxed)) {
            w_.operations.add();
            if (!attempt([this] { act(); })) {
                w_.given_up.add();
            }
        }
    }

private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

    /// With a limit, or with none: but nobody cancels a thread. Returns whether it came to its end.
    template <class F>
    bool attempt(F f) {
        if (here_ != nullptr && below(4) == 0) {
            f();
            return true;
        }
        return weft::within(std::chrono::microseconds(below(300)), f);
    }

    void act() {
        static constexpr std::array anywhere{
            &actor::use_lock,    &actor::use_nested_lock, &actor::read,          &actor::write,
            &actor::upgrade,     &actor::use_budget,      &actor::send,          &actor::send,
            &actor::receive,     &actor::receive,         &actor::wait_or_wake,  &actor::use_door,
            &actor::push_or_pop, &actor::choose_lock,     &actor::meet_or_count, &actor::make_once};
        static constexpr std::array on_a_loop{&actor::choose,     &actor::write_bytes,  &actor::read_bytes,
                                              &actor::ring,       &actor::have_helpers, &actor::count_helpers_down,
                                              &actor::choose_end, &actor::sleep};
        std::uint64_t which = below(anywhere.size() + (here_ != nullptr ? on_a_loop.size() : 0));
        (this->*(which < anywhere.size() ? anywhere[which] : on_a_loop[which - anywhere.size()]))();
    }

    void write_bytes() { here_->stream.write(1 + below(counted_stream::most)); }
    void read_bytes() { w_.bytes.add(here_->stream.read(1 + below(counted_stream::most))); }
    void ring() { below(2) == 0 ? here_->bell.ring() : here_->bell.wait(); }
    void sleep() { weft::sleep_for(std::chrono::microseconds(below(100))); }

    void pause() {
        if (below(2) != 0) {
            return;
        }
        if (here_ != nullptr) {
            weft::yield();
        } else {
            std::this_thread::yield();
        }
    }

    void use_lock() {
        std::scoped_lock lock(w_.lock);
        std::uint64_t before = w_.under_lock;
        pause();
        REQUIRE(w_.under_lock == before);
        ++w_.under_lock;
        w_.locked.add();
    }

    void use_nested_lock() {
        std::scoped_lock outer(w_.nested);
        std::uint64_t before = w_.under_nested;
        pause();
        std::scoped_lock inner(w_.nested);
        REQUIRE(w_.under_nested == before);
        ++w_.under_nested;
        w_.nested_locked.add();
    }

    void read() {
        std::shared_lock lock(w_.table);
        REQUIRE(w_.value == w_.copy);
        pause();
        if (below(4) == 0 && w_.table.try_upgrade()) {
            ++w_.value;
            ++w_.copy;
            w_.written.add();
            w_.table.downgrade();
        }
        REQUIRE(w_.value == w_.copy);
    }

    void write() {
        std::unique_lock lock(w_.table);
        ++w_.value;
        pause();
        ++w_.copy;
        REQUIRE(w_.value == w_.copy);
        w_.written.add();
        if (below(2) == 0) {
            w_.table.downgrade();
            lock.release();
            std::shared_lock reading(w_.table, std::adopt_lock);
            pause();
            REQUIRE(w_.value == w_.copy);
        }
    }

    /// Waits for the other readers to leave. It is a reader still when that wait is ended.
    void upgrade() {
        std::shared_lock lock(w_.table);
        std::uint64_t seen = w_.value;
        if (w_.upgrading.exchange(true)) {
            return;
        }
        struct at_end {
            std::atomic<bool>& flag;
            ~at_end() { flag = false; }
        } end{w_.upgrading};
        w_.table.upgrade();
        REQUIRE(w_.value == seen && w_.copy == seen);
        ++w_.value;
        ++w_.copy;
        w_.written.add();
        w_.upgraded.add();
        w_.table.downgrade();
    }

    void use_budget() {
        auto amount = static_cast<std::int64_t>(1 + below(world::units));
        w_.budget.acquire(amount);
        struct giving_back {
            world& w;
            std::int64_t amount;
            ~giving_back() {
                w.taken.fetch_sub(amount);
                w.budget.release(amount);
            }
        };
        REQUIRE(w_.taken.fetch_add(amount) + amount <= world::units);
        giving_back at_end{w_, amount};
        pause();
    }

    weft::channel<std::uint64_t>& some_channel() {
        switch (below(3)) {
            case 0:
                return w_.unbuffered;
            case 1:
                return w_.bounded;
            default:
                return w_.unbounded;
        }
    }

    void send() {
        std::uint64_t value = below(1'000);
        if (some_channel().send(value)) {
            w_.sent.add(value);
        }
    }

    void receive() {
        if (auto value = some_channel().receive()) {
            w_.received.add(*value);
        }
    }

    void choose() {
        std::uint64_t value = below(1'000);
        auto first = weft::select(weft::when::received(some_channel()), weft::when::sent(some_channel(), value),
                                  weft::when::locked(w_.lock), weft::when::woken(w_.queue),
                                  weft::when::after(std::chrono::microseconds(below(300))));
        switch (first.index()) {
            case 0:
                w_.received.add(std::get<0>(first).value_or(0));
                break;
            case 1:
                w_.sent.add(value);
                break;
            case 2:
                ++w_.under_lock;
                w_.locked.add();
                w_.lock.unlock();
                break;
            case 3:
                w_.woken.add();
                break;
            default:
                break;
        }
    }

    void choose_lock() {
        auto amount = static_cast<std::int64_t>(1 + below(world::units));
        auto first = weft::select(weft::when::locked(w_.table), weft::when::locked_shared(w_.table),
                                  weft::when::acquired(w_.budget, amount), weft::when::happened(w_.tick),
                                  weft::when::all_done(w_.group));
        REQUIRE(first.index() > 1 || w_.value == w_.copy);
        if (first.index() == 0) {
            ++w_.value;
            ++w_.copy;
            w_.written.add();
            w_.table.unlock();
        } else if (first.index() == 1) {
            w_.table.unlock_shared();
        } else if (first.index() == 2) {
            REQUIRE(w_.taken.fetch_add(amount) + amount <= world::units);
            w_.taken.fetch_sub(amount);
            w_.budget.release(amount);
        } else if (first.index() == 3) {
            w_.passed.add();
        }
    }

    void meet_or_count() {
        switch (below(3)) {
            case 0:
                w_.barrier.arrive_and_wait();
                w_.met.add();
                break;
            case 1: {
                w_.group.add();
                struct at_end {
                    weft::wait_group& group;
                    ~at_end() { group.done(); }
                } done{w_.group};
                pause();
                break;
            }
            default:
                w_.group.wait();
        }
    }

    void make_once() {
        std::uint64_t which = below(w_.flags.size());
        weft::call_once(w_.flags[which], [&] {
            pause();
            ++w_.made[which];
        });
        REQUIRE(w_.made[which] == 1);
    }

    /// Tasks of its own, that it joins, or leaves to the scope's end.
    void have_helpers() {
        weft::scope helpers;
        std::uint64_t count = 1 + below(3);
        for (std::uint64_t i = 0; i < count; ++i) {
            helpers.spawn([this, pause = std::chrono::microseconds(below(100))] {
                w_.helpers_begun.add();
                struct at_end {
                    counter& ended;
                    ~at_end() { ended.add(); }
                } end{w_.helpers_ended};
                weft::sleep_for(pause);
            });
        }
        if (below(2) == 0) {
            helpers.join();
        }
    }

    /// Helpers that count a latch down, each once.
    void count_helpers_down() {
        std::int64_t count = 1 + static_cast<std::int64_t>(below(3));
        weft::latch ended(count);
        weft::scope helpers;
        for (std::int64_t i = 0; i < count; ++i) {
            helpers.spawn([&] {
                w_.helpers_begun.add();
                weft::yield();
                w_.helpers_ended.add();
                ended.count_down();
            });
        }
        struct at_end {
            weft::scope& helpers;
            ~at_end() {
                weft::shield guard;
                helpers.join();
            }
        } end{helpers};
        ended.wait();
        REQUIRE(ended.try_wait());
    }

    /// A task, which ends or does not before something else comes.
    void choose_end() {
        auto helper = weft::spawn([pause = std::chrono::microseconds(below(100))] { weft::sleep_for(pause); });
        auto first = weft::select(weft::when::ended(helper), weft::when::received(some_channel()),
                                  weft::when::happened(w_.door));
        if (first.index() == 0) {
            REQUIRE(helper.done());
        } else if (first.index() == 1) {
            w_.received.add(std::get<1>(first).value_or(0));
        }
    }

    void use_door() {
        switch (below(3)) {
            case 0:
                w_.door.wait();
                break;
            case 1:
                w_.door.set();
                break;
            default:
                w_.door.reset();
        }
    }

    void wait_or_wake() {
        switch (below(5)) {
            case 0:
                w_.queue.wait();
                w_.woken.add();
                break;
            case 4: {
                std::unique_lock lock(w_.lock);
                w_.queue.wait_at_front(lock);
                w_.woken.add();
                break;
            }
            case 1:
                if (w_.queue.wake_one()) {
                    w_.wakes.add();
                }
                break;
            case 2:
                w_.ticks.add();
                w_.tick.set();
                break;
            default:
                w_.tick.wait();
                w_.passed.add();
        }
    }

    void push_or_pop() {
        std::unique_lock lock(w_.stack_lock);
        if (below(2) == 0) {
            w_.stack.push_back(1);
            w_.pushes.add();
            w_.pushed.notify_one();
        } else {
            w_.pushed.wait(lock, [this] { return !w_.stack.empty(); });
            w_.stack.pop_front();
            w_.pops.add();
        }
    }

    world& w_;
    place_of_one_loop* here_;
    std::mt19937_64 random_;
};

}  // namespace soak
