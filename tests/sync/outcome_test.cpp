// How a wait ends is decided once: what was granted stays granted, and what has granted its last waiter may be destroyed,
// whatever becomes of the waiter before it runs.

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <system_error>
#include <weft/barrier.hpp>
#include <weft/channel.hpp>
#include <weft/condition_variable.hpp>
#include <weft/event.hpp>
#include <weft/mutex.hpp>
#include <weft/select.hpp>
#include <weft/semaphore.hpp>
#include <weft/shared_mutex.hpp>
#include <weft/task.hpp>
#include <weft/wait_group.hpp>
#include <weft/wait_queue.hpp>

namespace {

/// `wait` waits for what was made of a Primitive, `grant` lets it go on, and then that is destroyed, and the waiter cancelled,
/// all before it runs. Its wait has succeeded.
template <class Primitive, class... Arguments>
void granted_destroyed_cancelled(auto wait, auto grant, Arguments... arguments) {
    weft::run([&] {
        auto what = std::make_unique<Primitive>(arguments...);
        bool granted = false;
        auto waiter = weft::spawn([&] {
            wait(*what);
            granted = true;
        });
        weft::yield();
        grant(*what);
        what.reset();
        waiter.cancel();
        waiter.join();
        EXPECT_TRUE(granted);
    });
}

TEST(outcome, of_a_wait_queue_s_waiter_is_known_when_it_is_woken) {
    granted_destroyed_cancelled<weft::wait_queue>([](auto& q) { q.wait(); },
                                                  [](auto& q) { EXPECT_TRUE(q.wake_one()); });
    granted_destroyed_cancelled<weft::wait_queue>([](auto& q) { q.wait(); },
                                                  [](auto& q) { EXPECT_EQ(q.wake_all(), 1U); });
}

TEST(outcome, of_a_condition_variable_s_waiter_is_known_when_it_is_notified) {
    weft::mutex m;
    granted_destroyed_cancelled<weft::condition_variable>(
        [&](auto& c) {
            std::unique_lock lock(m);
            c.wait(lock);
        },
        [](auto& c) { c.notify_all(); });
}

TEST(outcome, of_a_semaphore_s_waiter_is_known_at_the_release) {
    granted_destroyed_cancelled<weft::semaphore>([](auto& s) { s.acquire(); }, [](auto& s) { s.release(); }, 0);
}

TEST(outcome, of_an_event_s_waiter_is_known_when_it_is_set) {
    for (auto mode : {weft::event::manual, weft::event::automatic}) {
        granted_destroyed_cancelled<weft::event>([](auto& e) { e.wait(); }, [](auto& e) { e.set(); }, mode);
    }
}

TEST(outcome, of_a_wait_group_s_waiter_is_known_when_all_is_done) {
    granted_destroyed_cancelled<weft::wait_group>([](auto& g) { g.wait(); }, [](auto& g) { g.done(); }, 1);
}

TEST(outcome, of_a_barrier_s_waiter_is_known_when_the_last_arrives) {
    granted_destroyed_cancelled<weft::barrier<>>([](auto& b) { b.arrive_and_wait(); },
                                                 [](auto& b) { b.arrive_and_wait(); }, 2);
}

TEST(outcome, of_a_receiver_is_known_when_a_value_is_sent_or_the_channel_closed) {
    granted_destroyed_cancelled<weft::channel<int>>([](auto& c) { EXPECT_EQ(c.receive(), 7); },
                                                    [](auto& c) { EXPECT_TRUE(c.send(7)); });
    granted_destroyed_cancelled<weft::channel<int>>([](auto& c) { EXPECT_EQ(c.receive(), std::nullopt); },
                                                    [](auto& c) { c.close(); });
}

TEST(outcome, of_a_sender_is_known_when_its_value_is_received) {
    granted_destroyed_cancelled<weft::channel<int>>([](auto& c) { EXPECT_TRUE(c.send(7)); },
                                                    [](auto& c) { EXPECT_EQ(c.receive(), 7); });
}

TEST(outcome, of_a_select_is_known_when_one_thing_is_granted) {
    granted_destroyed_cancelled<weft::wait_queue>(
        [](auto& q) {
            weft::event never(weft::event::manual);
            EXPECT_EQ(weft::select(weft::when::happened(never), weft::when::woken(q)).index(), 1U);
        },
        [](auto& q) { EXPECT_TRUE(q.wake_one()); });
}

/// A select waits for `other` and for a queue, which wakes it; then `other` goes, before the select has run.
template <class Other, class... Arguments>
void taken_and_the_other_destroyed(auto when, Arguments... arguments) {
    weft::run([&] {
        weft::wait_queue queue;
        auto other = std::make_unique<Other>(arguments...);
        auto waiter = weft::spawn([&] { EXPECT_EQ(weft::select(when(*other), weft::when::woken(queue)).index(), 1U); });
        weft::yield();
        EXPECT_TRUE(queue.wake_one());
        other.reset();
        waiter.join();
    });
}

TEST(outcome, of_a_select_leaves_what_it_did_not_take_free_to_be_destroyed) {
    taken_and_the_other_destroyed<weft::wait_queue>([](auto& q) { return weft::when::woken(q); });
    taken_and_the_other_destroyed<weft::event>([](auto& e) { return weft::when::happened(e); }, weft::event::manual);
    taken_and_the_other_destroyed<weft::semaphore>([](auto& s) { return weft::when::acquired(s); }, 0);
    taken_and_the_other_destroyed<weft::wait_group>([](auto& g) { return weft::when::all_done(g); }, 1);
    taken_and_the_other_destroyed<weft::channel<int>>([](auto& c) { return weft::when::received(c); });
}

TEST(outcome, of_a_select_is_not_changed_by_a_second_grant) {
    weft::run([] {
        weft::wait_queue first;
        auto second = std::make_unique<weft::wait_queue>();
        auto waiter = weft::spawn(
            [&] { EXPECT_EQ(weft::select(weft::when::woken(first), weft::when::woken(*second)).index(), 0U); });
        weft::yield();
        EXPECT_TRUE(first.wake_one());
        EXPECT_FALSE(second->wake_one());
        EXPECT_TRUE(second->empty());
        second.reset();
        waiter.join();
    });
}

// ---- what stands behind one whose wait has ended -------------------------------------------------------------------------

/// A select that waits for `when()` and is woken by a queue instead. It has not run yet when `then()` is called.
void goes_away_with_something_else(auto when, auto then) {
    weft::run([&] {
        weft::wait_queue queue;
        auto first = weft::spawn([&] { EXPECT_EQ(weft::select(when(), weft::when::woken(queue)).index(), 1U); });
        weft::yield();
        EXPECT_TRUE(queue.wake_one());
        then();
        first.join();
    });
}

TEST(outcome, of_a_large_request_that_went_away_lets_the_next_have_its_units) {
    weft::semaphore units(1);
    goes_away_with_something_else([&] { return weft::when::acquired(units, 2); },
                                  [&] {
                                      units.acquire();
                                      EXPECT_EQ(units.available(), 0);
                                      units.release();
                                      EXPECT_TRUE(units.try_acquire());
                                  });
}

TEST(outcome, of_a_large_request_that_went_away_lets_those_behind_it_have_theirs) {
    weft::semaphore units(1);
    std::optional<weft::task<void>> small;
    goes_away_with_something_else([&] { return weft::when::acquired(units, 2); },
                                  [&] {
                                      small.emplace(weft::spawn([&] { units.acquire(); }));
                                      auto behind = weft::spawn([&] { units.acquire(); });
                                      small->join();
                                      units.release();
                                      behind.join();
                                  });
    EXPECT_EQ(units.available(), 0);
}

TEST(outcome, of_a_writer_that_went_away_lets_readers_in) {
    weft::shared_mutex m;
    m.lock_shared();
    goes_away_with_something_else([&] { return weft::when::locked(m); },
                                  [&] {
                                      m.lock_shared();
                                      m.unlock_shared();
                                  });
    m.unlock_shared();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

TEST(outcome, of_a_reader_that_went_away_lets_another_upgrade) {
    weft::shared_mutex m;
    weft::run([&] {
        m.lock_shared();
        auto upgrading = weft::spawn([&] {
            m.lock_shared();
            EXPECT_THROW(m.upgrade(), std::system_error);
            m.unlock_shared();
        });
        weft::yield();
        upgrading.cancel();
        m.upgrade();
        m.unlock();
        upgrading.join();
    });
}

TEST(outcome, of_a_waiter_that_was_cancelled_leaves_its_mutex_to_the_next) {
    weft::run([] {
        weft::mutex m;
        m.lock();
        auto first = weft::spawn([&] { EXPECT_THROW(m.lock(), std::system_error); });
        auto second = weft::spawn([&] { std::scoped_lock lock(m); });
        weft::yield();
        first.cancel();
        m.unlock();
        second.join();
        first.join();
    });
}

TEST(outcome, of_a_select_that_can_t_wait_leaves_no_branch_behind) {
    // What can't be enlisted throws with the locks held: they are let go of, and nothing is waited for.
    struct refuses final : weft::detail::select_case {
        using result = std::monostate;
        refuses() : select_case(weft::call_site::here(), "what refuses", nullptr) {}
        result take() { return {}; }
        [[nodiscard]] bool take_now(weft::detail::branch*&) override { return false; }
        void enlist() override { throw std::bad_alloc(); }
        void withdraw() noexcept override { ADD_FAILURE() << "it was not enlisted"; }
    };
    weft::run([] {
        weft::wait_queue queue;
        weft::semaphore units(0);
        refuses none;
        weft::when::woken first(queue);
        weft::when::acquired second(units);
        std::array<weft::detail::select_case*, 3> cases{&first, &second, &none};
        std::array<weft::detail::spin_lock*, 3> locks;
        EXPECT_THROW((void)weft::detail::select(cases, locks), std::bad_alloc);
        EXPECT_TRUE(queue.empty());
        units.release();
        EXPECT_TRUE(units.try_acquire());
    });
}

}  // namespace
