// How waits end, in every order of the steps: a grant and a stop at the same moment, something that is destroyed by whoever
// has granted its last waiter, a select that is granted one thing while another goes. And the same with a step left out.

#include <gtest/gtest.h>

#include <optional>
#include <stop_token>
#include <type_traits>
#include <weft/barrier.hpp>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/select.hpp>
#include <weft/semaphore.hpp>
#include <weft/wait_queue.hpp>

#include "model/atomic.hpp"
#include "model/finds_nothing.hpp"

namespace {

using model::finds_nothing;

/// Whoever has woken the waiter destroys the queue, or, when the waiter was told to stop, whoever sees that it has gone.
struct queue_destroyed_by_its_waker {
    std::optional<weft::wait_queue> queue{std::in_place};
    std::stop_source stop;
    model::atomic<bool> gone{false};
    bool woken = false;
    void thread(unsigned me) {
        if (me == 0) {
            bool passed = weft::within(stop.get_token(), [this] { queue->wait(); });
            gone.store(true);
            model::expect(passed || !woken, "a wake-up that was given was not lost");
        } else if (me == 1) {
            while (!(woken = queue->wake_one()) && !gone.load()) {
                model::wait_for_a_change();
            }
            queue.reset();
        } else {
            (void)stop.request_stop();
        }
    }
    void end() {}
};

TEST(wait_queue, may_be_destroyed_by_who_has_woken_its_last_waiter) {
    finds_nothing<queue_destroyed_by_its_waker>({.threads = 2, .deviations = 4});
    finds_nothing<queue_destroyed_by_its_waker>({.threads = 3, .deviations = 2});
}

/// A select is woken by one queue; the other goes before the select has left it.
struct selects_and_the_other_goes {
    weft::wait_queue first;
    std::optional<weft::wait_queue> second{std::in_place};
    void thread(unsigned me) {
        if (me == 0) {
            std::size_t index = weft::select(weft::when::woken(first), weft::when::woken(*second)).index();
            model::expect(index == 0, "it was woken by the first");
        } else {
            while (!first.wake_one()) {
                model::wait_for_a_change();
            }
            (void)second->wake_one();
            second.reset();
        }
    }
    void end() { model::expect(first.empty(), "nobody is left in the queue"); }
};

TEST(select, lets_what_it_did_not_take_be_destroyed) {
    finds_nothing<selects_and_the_other_goes>({.threads = 2, .deviations = 4});
}

/// One waits in a queue under a mutex, which two others would lock by selects that name both, in whatever order they lie in.
template <bool MutexFirst>
struct waits_under_what_others_select {
    struct mutex_and_queue {
        weft::mutex m;
        weft::wait_queue q;
    };
    struct queue_and_mutex {
        weft::wait_queue q;
        weft::mutex m;
    };
    std::conditional_t<MutexFirst, mutex_and_queue, queue_and_mutex> both;
    bool given = false;
    void thread(unsigned me) {
        if (me == 0) {
            both.m.lock();
            while (!given) {
                both.q.wait(both.m);
            }
            both.m.unlock();
            return;
        }
        bool locked = weft::select(weft::when::locked(both.m), weft::when::woken(both.q)).index() == 0;
        if (locked) {
            given = true;
        }
        both.q.wake_one();  // or passes on what was for another
        if (locked) {
            both.m.unlock();
        }
    }
    void end() { model::expect(both.q.empty() && both.m.try_lock(), "nobody waits"), both.m.unlock(); }
};

TEST(wait_queue, may_be_waited_in_under_a_mutex_that_others_select_beside_it) {
    finds_nothing<waits_under_what_others_select<true>>({.threads = 3, .deviations = 2});
    finds_nothing<waits_under_what_others_select<false>>({.threads = 3, .deviations = 1});
}

/// A large request stands first, and is told to stop or goes away with something else: the small one behind it is served.
struct large_one_gives_up {
    weft::semaphore units{1};
    weft::event happened{weft::event::manual};
    std::stop_source stop;
    void thread(unsigned me) {
        if (me == 0) {
            (void)weft::within(stop.get_token(), [this] {
                (void)weft::select(weft::when::acquired(units, 2), weft::when::happened(happened));
            });
        } else if (me == 1) {
            units.acquire(1);
            units.release(1);
        } else {
            happened.set();
            (void)stop.request_stop();
        }
    }
    void end() { model::expect(units.available() == 1, "all units have come back"); }
};

TEST(semaphore, serves_the_small_when_the_large_before_it_has_given_up) {
    finds_nothing<large_one_gives_up>({.threads = 3, .deviations = 2});
}

/// Who is told to stop has arrived, or it has not and arrives again: a phase counts each once.
struct arrives_or_stops {
    weft::barrier<> two{2};
    std::stop_source stop;
    void thread(unsigned me) {
        if (me == 0) {
            if (!weft::within(stop.get_token(), [this] { two.arrive_and_wait(); })) {
                two.arrive_and_wait();
            }
        } else if (me == 1) {
            two.arrive_and_wait();
        } else {
            (void)stop.request_stop();
        }
    }
    void end() {}
};

TEST(barrier, counts_one_that_is_told_to_stop_once_or_not_at_all) {
    finds_nothing<arrives_or_stops>({.threads = 3, .deviations = 3});
}

// ---- bugs ---------------------------------------------------------------------------------------------------------------

enum class bug { none, wakes_before_it_decides, unlinks_what_it_lost, leaves_without_asking };

/// A queue that is made of the library's parts; or it leaves a step out.
template <bug Bug>
class queue_of_parts {
public:
    ~queue_of_parts() { model::expect(!weft::detail::somebody_waits(lock_, waiters_), "nobody waits at its end"); }
    bool wake_one() {
        lock_.lock();
        weft::detail::branch* granted =
            Bug == bug::none || Bug == bug::leaves_without_asking ? waiters_.grant_first() : take();
        lock_.unlock();
        if (granted != nullptr) {
            weft::detail::wake(*granted->whose);
        }
        return granted != nullptr;
    }

    weft::detail::spin_lock lock_;
    weft::detail::waiter_list waiters_;

private:
    weft::detail::branch* take() {
        weft::detail::branch* first = nullptr;
        waiters_.for_each([&](weft::detail::branch& b) { first = first == nullptr ? &b : first; });
        if (first != nullptr) {
            waiters_.remove(*first);
            first = first->claim() || Bug == bug::wakes_before_it_decides ? first : nullptr;
        }
        return first;
    }
};

/// Waits in two such queues at once, as a select does.
template <bug Bug>
struct waits_in_two {
    queue_of_parts<Bug> first;
    std::optional<queue_of_parts<Bug>> second{std::in_place};

    void thread(unsigned me) {
        if (me == 0) {
            wait();
        } else {
            while (!first.wake_one()) {
                model::wait_for_a_change();
            }
            (void)second->wake_one();
            second.reset();
        }
    }
    void end() {}

    void wait() {
        struct both : weft::detail::unlocking_wait, weft::detail::waiter {
            weft::detail::branch a, b;
            waits_in_two* world;
        } how;
        how.world = this;
        how.a.whose = how.b.whose = &how;
        weft::detail::name_caller(how);
        first.lock_.lock();
        second->lock_.lock();
        first.waiters_.push(how.a);
        second->waiters_.push(how.b);
        how.unlock = [](weft::detail::unlocking_wait& u) noexcept {
            auto& me = static_cast<both&>(u);
            me.world->second->lock_.unlock();
            me.world->first.lock_.unlock();
        };
        how.interrupt = [](weft::detail::interruptible_wait&) noexcept {};
        weft::detail::wait(how, how, "two queues", this, weft::call_site::here());
        if (Bug == bug::leaves_without_asking) {
            second->lock_.lock();
            second->lock_.unlock();
        } else {
            weft::detail::withdraw(how.b, {"a queue", &*second, second->lock_, second->waiters_});
        }
    }
};

template <bug Bug>
std::string what_is_found() {
    return model::explore<waits_in_two<Bug>>({.threads = 2, .deviations = 3}).failure;
}

TEST(bug, a_branch_that_lost_and_is_unlinked_without_a_word_is_found) {
    EXPECT_EQ(what_is_found<bug::none>(), "");
    EXPECT_NE(what_is_found<bug::unlinks_what_it_lost>(), "");
}

TEST(bug, a_waker_that_does_not_look_who_has_decided_wakes_twice) {
    EXPECT_NE(what_is_found<bug::wakes_before_it_decides>(), "");
}

TEST(bug, a_waiter_that_does_not_ask_who_takes_it_out_touches_what_has_gone) {
    EXPECT_NE(what_is_found<bug::leaves_without_asking>(), "");
}

}  // namespace
