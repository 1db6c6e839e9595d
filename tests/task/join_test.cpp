// Who may join what, how often, and what is said to others.

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>
#include <weft/await.hpp>
#include <weft/event.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

TEST(join, of_a_task_after_a_join_that_was_cancelled) {
    weft::run([] {
        weft::event may_end(weft::event::manual);
        auto t = weft::spawn([&] {
            may_end.wait();
            return 7;
        });
        auto first = weft::spawn([&] { (void)t.join(); });
        weft::yield();
        weft::yield();
        first.cancel();
        EXPECT_THROW(first.join(), std::system_error);
        may_end.set();
        EXPECT_EQ(t.join(), 7);
    });
}

TEST(join, that_is_cancelled_in_the_turn_in_which_the_task_ends) {
    weft::run([] {
        for (bool cancel_first : {false, true}) {
            weft::event may_end(weft::event::manual);
            auto t = weft::spawn([&] { may_end.wait(); });
            auto joiner = weft::spawn([&] { t.join(); });
            weft::yield();
            weft::yield();
            if (cancel_first) {
                joiner.cancel();
            }
            may_end.set();
            weft::yield();
            joiner.cancel();
            try {
                joiner.join();
            } catch (std::system_error const& e) {
                EXPECT_EQ(e.code(), std::errc::operation_canceled);
            }
        }
    });
}

TEST(join, of_a_scope_by_several_at_once_serves_all) {
    auto trial = [] {
        weft::scope inner;
        inner.spawn([] { weft::sleep_for(1ms); });
        weft::scope joiners;
        int served = 0;
        for (int i = 0; i < 3; ++i) {
            joiners.spawn([&, i] {
                inner.join();
                EXPECT_EQ(inner.size(), 0U);
                EXPECT_EQ(served++, i) << "first come, first served";
            });
        }
        inner.join();
        joiners.join();
        EXPECT_EQ(served, 3);
    };
    weft::run(trial);
    trial();
}

TEST(join, of_a_scope_by_several_at_once_throws_the_same_to_all) {
    weft::run([] {
        weft::scope inner;
        inner.spawn([] {
            weft::sleep_for(1ms);
            throw std::out_of_range("far");
        });
        weft::scope joiners;
        int told = 0;
        for (int i = 0; i < 3; ++i) {
            joiners.spawn([&] {
                EXPECT_THROW(inner.join(), std::out_of_range);
                ++told;
            });
        }
        joiners.join();
        EXPECT_EQ(told, 3);
        EXPECT_EQ(inner.failures().size(), 1U);
        EXPECT_NO_THROW(inner.join());
    });
}

TEST(join, of_a_scope_that_another_uses_anew_after_its_own_join) {
    weft::run([] {
        weft::scope inner;
        weft::event may_end(weft::event::manual);
        inner.spawn([] { weft::yield(); });
        weft::scope joiners;
        int returned = 0;
        for (int i = 0; i < 2; ++i) {
            joiners.spawn([&] {
                inner.join();
                if (returned++ == 0) {
                    inner.spawn([&] { may_end.wait(); });
                }
            });
        }
        joiners.join();
        EXPECT_EQ(returned, 2) << "the second joined what was there when it began to";
        may_end.set();
        inner.join();
    });
}

TEST(join, of_a_scope_also_waits_for_what_is_started_in_the_turn_in_which_the_last_one_ends) {
    auto trial = [] {
        weft::scope tasks;
        tasks.spawn([] { weft::yield(); });
        auto other = weft::spawn([&] {
            weft::yield();
            tasks.spawn([] { weft::sleep_for(1ms); });
        });
        tasks.join();
        EXPECT_EQ(tasks.size(), 0U);
        other.join();
        tasks.join();
    };
    weft::run(trial);
    trial();
}

TEST(join_death, of_a_task_that_was_joined_before) {
    EXPECT_DEATH(
        weft::run([] {
            auto t = weft::spawn([] { return 1; });
            (void)t.join();
            (void)t.join();
        }),
        "weft: .*join_test.cpp:[0-9]+: join\\(\\) called on a weft::task that was joined or detached before, at "
        ".*join_test.cpp:[0-9]+; it was coroutine [0-9]+, created at .*join_test.cpp:[0-9]+");
}

TEST(join_death, of_a_task_that_was_detached) {
    EXPECT_DEATH(weft::run([] {
                     auto t = weft::spawn([] { weft::sleep_for(1h); });
                     t.detach();
                     t.join();
                 }),
                 "join_test.cpp:[0-9]+: join\\(\\) called on a weft::task that was joined or detached before, at ");
}

TEST(join_death, of_a_task_that_is_not_there) {
    EXPECT_DEATH(weft::task<void>().join(), "join\\(\\) called on an empty weft::task");
    EXPECT_DEATH(weft::task<void>().detach(), "detach\\(\\) called on an empty weft::task");
    EXPECT_DEATH(weft::run([] {
                     auto t = weft::spawn([] {});
                     auto owner = std::move(t);
                     t.join();  // NOLINT(bugprone-use-after-move)
                 }),
                 "join\\(\\) called on an empty weft::task \\(moved from, or default-constructed\\)");
}

constexpr char const* joined_already =
    "weft: .*join_test.cpp:[0-9]+: a task was .* while it is joined already, at .*join_test.cpp:[0-9]+: .*"
    "coroutine \"worker\" \\(id [0-9]+, created at .*join_test.cpp:[0-9]+\\)";

/// Calls f(task) while another coroutine joins the task. `ends`: in the turn in which it ends.
template <class F>
void while_another_joins(F f, bool ends = false) {
    weft::run([&] {
        weft::event may_end(weft::event::manual);
        auto t = weft::spawn({.name = "worker"}, [&] { may_end.wait(); });
        weft::event go(weft::event::manual);
        auto second = weft::spawn([&] {
            go.wait();
            f(t);
        });
        auto first = weft::spawn([&] { t.join(); });
        weft::yield();
        weft::yield();
        if (ends) {
            may_end.set();
        }
        go.set();  // runs after the task has ended, and before its joiner
        first.join();
        second.join();
    });
}

TEST(join_death, of_a_task_that_another_joins) {
    EXPECT_DEATH(while_another_joins([](weft::task<void>& t) { t.join(); }), joined_already);
}

TEST(join_death, of_a_task_that_has_ended_and_whose_joiner_has_not_gone_on_yet) {
    EXPECT_DEATH(while_another_joins([](weft::task<void>& t) { t.join(); }, true), joined_already);
}

TEST(join_death, detaching_a_task_that_another_joins) {
    EXPECT_DEATH(while_another_joins([](weft::task<void>& t) { t.detach(); }), joined_already);
}

TEST(join_death, destroying_a_task_that_another_joins) {
    EXPECT_DEATH(while_another_joins([](weft::task<void>& t) { t = {}; }),
                 "a task was joined while it is joined already");
}

TEST(join_death, moving_a_task_that_another_joins) {
    auto trial = [] {
        weft::run([] {
            weft::event may_end(weft::event::manual);
            auto t = weft::spawn({.name = "worker"}, [&] { may_end.wait(); });
            auto first = weft::spawn([&] { t.join(); });
            weft::yield();
            weft::yield();
            auto moved = std::move(t);
            may_end.set();
            first.join();
        });
    };
    EXPECT_DEATH(trial(), "join_test.cpp:[0-9]+: a weft::task was moved while it is joined here: coroutine \"worker\"");
}

TEST(join_death, of_oneself) {
    auto trial = [] {
        weft::run([] {
            std::optional<weft::task<void>> t;
            t.emplace(weft::spawn({.name = "narcissus"}, [&] { t->join(); }));
            weft::sleep_for(1h);
        });
    };
    EXPECT_DEATH(trial(), "join_test.cpp:[0-9]+: a task was joined by itself, .*: coroutine \"narcissus\" \\(id ");
}

TEST(join_death, of_the_scope_that_one_is_a_task_of) {
    auto trial = [] {
        weft::run([] {
            weft::scope tasks;
            tasks.spawn({.name = "narcissus"}, [&] { tasks.join(); });
            tasks.join();
        });
    };
    EXPECT_DEATH(trial(), "join_test.cpp:[0-9]+: a weft::scope was joined by a task of its own, .*\"narcissus\"");
}

TEST(join_death, destroying_a_scope_that_another_joins) {
    auto trial = [] {
        weft::run([] {
            std::optional<weft::scope> tasks;
            tasks.emplace();
            tasks->spawn([] { weft::sleep_for(1h); });
            auto joiner = weft::spawn([&] { tasks->join(); });
            weft::yield();
            weft::yield();
            tasks.reset();
        });
    };
    EXPECT_DEATH(trial(), "join_test.cpp:[0-9]+: a weft::scope was destroyed while it is joined here");
}

/// A task of one thread's loop, in the hands of another.
template <class F>
void on_another_thread(F misuse) {
    weft::run([&] {
        auto t = weft::spawn([] { weft::sleep_for(1h); });
        weft::yield();
        std::thread([&] { misuse(t); }).join();
    });
}

constexpr char const* at_home = "on another thread than that of the loop that it was started on.*coroutine \\(id";

TEST(join_death, of_a_task_on_another_thread) {
    EXPECT_DEATH(on_another_thread([](weft::task<void>& t) { t.join(); }), at_home);
}

TEST(join_death, cancelling_a_task_on_another_thread) {
    EXPECT_DEATH(on_another_thread([](weft::task<void>& t) { t.cancel(); }), at_home);
}

TEST(join_death, destroying_a_task_on_another_thread) {
    EXPECT_DEATH(on_another_thread([](weft::task<void>& t) { weft::task<void> gone = std::move(t); }), at_home);
}

}  // namespace
