// Bugs that are put in on purpose, each into a small piece that uses the library's own parts: the explorer finds them.

#include <gtest/gtest.h>

#include <weft/event.hpp>
#include <weft/loop.hpp>
#include <weft/task.hpp>

#include "model/finds_nothing.hpp"
#include "model/reactor.hpp"

namespace {

// ---- a lost wake-up -----------------------------------------------------------------------------------------------------

/// An executor that sleeps as loop::sleep() does; or, the bug, looks first and says only then that it sleeps.
struct sleeper final : weft::detail::executor {
    void notify() noexcept override { system.notify(); }
    void run_turn() override {}
    [[nodiscard]] weft::clock::time_point time() const noexcept override { return {}; }
    void arm(weft::timer&, weft::clock::time_point) override {}
    void disarm(weft::timer&) noexcept override {}
    void push(weft::detail::posted&) noexcept override {}
    void withdraw(weft::detail::posted&) noexcept override {}

    void sleep(bool looks_first) {
        bool news = looks_first && inbox.load() != nullptr;
        sleeping.store(true);
        news = looks_first ? news : inbox.load() != nullptr;
        if (!news) {
            system.poll(std::nullopt);
        }
        sleeping.store(false);
    }

    model::reactor system;
};

template <bool LooksFirst>
struct sleeps_while_woken {
    sleeper loop;
    weft::detail::control_block co;
    void thread(unsigned me) {
        if (me == 0) {
            while (loop.collect() == 0) {
                loop.sleep(LooksFirst);
            }
        } else {
            loop.push_from_elsewhere(co);
        }
    }
    void end() {}
};

TEST(bug, a_loop_that_looks_before_it_says_that_it_sleeps_misses_a_wake_up) {
    EXPECT_EQ(model::explore<sleeps_while_woken<false>>({.deviations = 5}).failure, "");
    EXPECT_EQ(model::explore<sleeps_while_woken<true>>({.deviations = 1}).failure,
              "nobody goes on: thread 0 sleeps, thread 1 has ended");
}

/// The real loop, whose proof (see detail/coroutine/executor.hpp) needs the one order of sequentially consistent steps.
struct woken_once {
    weft::event happened{weft::event::manual};
    void thread(unsigned me) {
        if (me == 0) {
            weft::loop here(std::make_unique<model::reactor>());
            weft::scope all;
            all.spawn([this] { happened.wait(); });
            all.join();
        } else {
            happened.set();
        }
    }
    void end() {}
};

TEST(bug, a_loop_that_is_only_acquire_and_release_misses_a_wake_up) {
    EXPECT_EQ(model::explore<woken_once>({.deviations = 4}).failure, "");
    EXPECT_EQ(model::explore<woken_once>({.deviations = 4, .without_sequential_consistency = true}).failure,
              "nobody goes on: thread 0 sleeps, thread 1 has ended");
}

// ---- a double grant -----------------------------------------------------------------------------------------------------

/// A lock that hands over to the first waiter; or, the bug, becomes free for that moment, and for whoever comes then.
template <bool FreeMeanwhile>
class handing_lock {
public:
    void lock() {
        guard_.lock();
        if (taken_.exchange(true, std::memory_order_acquire)) {
            weft::detail::single_wait w;
            waiters_.push(w);
            (void)weft::detail::wait(w, {"a lock", this, guard_, waiters_}, weft::call_site::here());
        } else {
            guard_.unlock();
        }
    }
    bool try_lock() { return !taken_.exchange(true, std::memory_order_acquire); }
    void unlock() {
        if (FreeMeanwhile) {
            taken_.store(false, std::memory_order_release);
        }
        guard_.lock();
        weft::detail::branch* first = waiters_.grant_first();
        taken_.store(first != nullptr, std::memory_order_release);
        guard_.unlock();
        weft::detail::wake_chain(first != nullptr ? (first->next = nullptr, first) : nullptr);
    }

private:
    weft::detail::spin_lock guard_;
    weft::detail::waiter_list waiters_;
    model::atomic<bool> taken_{false};
};

template <bool FreeMeanwhile>
struct locks_or_tries {
    handing_lock<FreeMeanwhile> m;
    model::atomic<int> inside{0};
    void thread(unsigned me) {
        if (me == 2) {
            if (!m.try_lock()) {
                return;
            }
        } else {
            m.lock();
        }
        model::expect(inside.fetch_add(1) == 0, "one is inside at a time");
        inside.fetch_sub(1);
        m.unlock();
    }
    void end() {}
};

TEST(bug, a_lock_that_is_free_while_it_is_handed_over_is_granted_twice) {
    EXPECT_EQ(model::explore<locks_or_tries<false>>({.threads = 3, .deviations = 3}).failure, "");
    model::outcome o = model::explore<locks_or_tries<true>>({.threads = 3, .deviations = 3});
    EXPECT_EQ(o.failure, "this does not hold: one is inside at a time");
    EXPECT_EQ(model::replay<locks_or_tries<true>>({.threads = 3, .deviations = 3}, o.schedule).failure, o.failure);
}

}  // namespace
