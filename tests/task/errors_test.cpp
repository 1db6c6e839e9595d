// Exceptions that nobody will ever see end the program; the others come out where somebody waits for them.

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <system_error>
#include <weft/event.hpp>
#include <weft/limit.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

/// Sleeps until it is cancelled, and fails while it cleans up.
void fail_to_clean_up() {
    try {
        weft::sleep_for(1h);
    } catch (std::system_error const&) {
        throw std::runtime_error("data lost");
    }
}

[[noreturn]] void throw_operation_canceled() {
    throw std::system_error(std::make_error_code(std::errc::operation_canceled));
}

TEST(failure, of_a_cancelled_task_comes_out_of_its_join) {
    weft::run([] {
        auto t = weft::spawn(fail_to_clean_up);
        weft::yield();
        t.cancel();
        EXPECT_THROW(t.join(), std::runtime_error);
    });
}

TEST(failure, that_is_real_goes_before_a_cancellation_that_came_first) {
    weft::run([] {
        weft::scope tasks;
        tasks.spawn(throw_operation_canceled);
        tasks.spawn(fail_to_clean_up);
        tasks.spawn([] { weft::sleep_for(1h); });
        try {
            tasks.join();
            FAIL() << "join() threw nothing";
        } catch (std::runtime_error const& e) {
            EXPECT_EQ(std::string(e.what()), "data lost");
        }
        EXPECT_EQ(tasks.failures().size(), 2U);
    });
}

TEST(failure, of_a_task_goes_before_the_cancellation_of_whoever_joins_it) {
    weft::run([] {
        auto owner = weft::spawn([] {
            weft::scope tasks;
            tasks.spawn(fail_to_clean_up);
            tasks.join();
        });
        weft::yield();
        weft::yield();
        owner.cancel();
        EXPECT_THROW(owner.join(), std::runtime_error);
    });
}

TEST(failure, of_what_nobody_joined_gives_way_to_the_exception_that_is_on_its_way) {
    auto with_a_task = [] {
        auto t = weft::spawn([] { throw std::runtime_error("lost"); });
        weft::yield();
        throw std::out_of_range("seen");
    };
    auto with_a_scope = [] {
        weft::scope tasks;
        tasks.spawn([] { throw std::runtime_error("lost"); });
        weft::yield();
        throw std::out_of_range("seen");
    };
    auto with_both_and_a_wait = [] {
        weft::scope tasks;
        tasks.spawn(fail_to_clean_up);
        auto t = weft::spawn(fail_to_clean_up);
        weft::yield();
        throw std::out_of_range("seen");
    };
    weft::run([&] {
        EXPECT_THROW(with_a_task(), std::out_of_range);
        EXPECT_THROW(with_a_scope(), std::out_of_range);
        EXPECT_THROW(with_both_and_a_wait(), std::out_of_range);
    });
}

TEST(failure, that_is_a_cancellation_is_none_for_whoever_does_not_join) {
    weft::run([] {
        {
            weft::scope tasks;
            tasks.spawn(throw_operation_canceled);
            auto t = weft::spawn(throw_operation_canceled);
            weft::yield();
        }
        auto cancelled = weft::spawn([] { weft::sleep_for(1h); });
        cancelled.cancel();
        cancelled.detach();
        weft::yield();
    });
}

TEST(failure_death, of_a_task_that_is_destroyed_without_a_join) {
    EXPECT_DEATH(weft::run([] {
                     auto t = weft::spawn({.name = "stray"}, [] { throw std::runtime_error("out of luck"); });
                     weft::yield();
                 }),
                 "weft: task that was destroyed without a join\\(\\): coroutine \"stray\" \\(id [0-9]+, created at "
                 ".*errors_test.cpp:[0-9]+\\) ended with an exception that nobody can catch: out of luck");
}

TEST(failure_death, of_a_task_that_its_destruction_cancels) {
    EXPECT_DEATH(weft::run([] {
                     auto t = weft::spawn({.name = "stray"}, fail_to_clean_up);
                     weft::yield();
                 }),
                 "coroutine \"stray\" .*ended with an exception that nobody can catch: data lost");
}

TEST(failure_death, of_a_detached_task_that_is_cancelled_when_run_ends) {
    EXPECT_DEATH(weft::run([] {
                     weft::spawn({.name = "stray"}, fail_to_clean_up).detach();
                     weft::yield();
                 }),
                 "weft: detached task: coroutine \"stray\" .*ended with an exception that nobody can catch: data lost");
}

TEST(failure_death, of_a_scope_that_is_destroyed_without_a_join) {
    EXPECT_DEATH(
        weft::run([] {
            weft::scope tasks;
            tasks.spawn({.name = "stray"}, [] { throw std::runtime_error("out of luck"); });
            weft::yield();
        }),
        "weft: a weft::scope was destroyed without a join\\(\\), and coroutine \"stray\" \\(id [0-9]+, created at "
        ".*errors_test.cpp:[0-9]+\\) ended with an exception that nobody can catch: out of luck");
}

TEST(failure_death, of_a_scope_whose_destruction_cancels) {
    EXPECT_DEATH(weft::run([] {
                     weft::scope tasks;
                     tasks.spawn(fail_to_clean_up);
                     weft::yield();
                 }),
                 "a weft::scope was destroyed without a join\\(\\), and coroutine .* nobody can catch: data lost");
}

TEST(failure_death, of_a_coroutine_that_its_loop_had_entered) {
    EXPECT_DEATH(weft::run([] {
                     weft::coroutine co({.name = "by hand"}, [] {
                         weft::sleep_for(1ns);
                         throw std::runtime_error("disk on fire");
                     });
                     co.enter();
                     weft::sleep_for(1h);
                 }),
                 "weft: coroutine \"by hand\" \\(id [0-9]+, created at .*errors_test.cpp:[0-9]+\\), which its loop had "
                 "entered, ended with an exception that nobody can catch: disk on fire");
}

// ---- A scope that has failed ----------------------------------------------------------------------------------------

void fail_now(weft::scope& s) {
    s.spawn([] { throw std::out_of_range("far"); });
    weft::yield();
}

TEST(a_failed_scope, starts_no_task_and_says_why) {
    weft::run([] {
        weft::scope tasks;
        fail_now(tasks);
        bool started = false;
        EXPECT_THROW(tasks.spawn([&] { started = true; }), std::out_of_range);
        EXPECT_THROW(tasks.join(), std::out_of_range);
        EXPECT_FALSE(started);
        tasks.spawn([&] { started = true; });
        tasks.join();
        EXPECT_TRUE(started);
    });
}

TEST(a_failed_scope, is_stopping_until_the_next_join) {
    weft::run([] {
        weft::scope tasks;
        EXPECT_FALSE(tasks.stopping());
        std::stop_token before = tasks.get_stop_token();
        EXPECT_FALSE(before.stop_requested());
        fail_now(tasks);
        EXPECT_TRUE(tasks.stopping());
        EXPECT_TRUE(before.stop_requested());
        EXPECT_TRUE(tasks.get_stop_token().stop_requested());
        EXPECT_THROW(tasks.join(), std::out_of_range);
        EXPECT_FALSE(tasks.stopping());
        EXPECT_FALSE(tasks.get_stop_token().stop_requested());
    });
}

TEST(a_failed_scope, ends_the_waits_that_are_limited_by_its_token) {
    weft::run([] {
        weft::scope tasks;
        tasks.spawn([] {
            weft::sleep_for(1ms);
            throw std::out_of_range("far");
        });
        EXPECT_FALSE(weft::within(tasks.get_stop_token(), [] { weft::sleep_for(1h); }));
        EXPECT_THROW(tasks.join(), std::out_of_range);
    });
}

TEST(a_failed_scope, that_was_only_cancelled_starts_tasks_that_are_cancelled) {
    weft::run([] {
        weft::scope tasks;
        std::stop_token stop = tasks.get_stop_token();
        tasks.cancel();
        EXPECT_TRUE(tasks.stopping());
        EXPECT_TRUE(stop.stop_requested());
        bool cancelled = false;
        tasks.spawn([&] {
            try {
                weft::sleep_for(1h);
            } catch (std::system_error const&) {
                cancelled = true;
            }
        });
        tasks.join();
        EXPECT_TRUE(cancelled);
    });
}

/// A server as one writes it: whoever works in the scope never joins it.
void serve_until_a_client_fails(weft::scope& clients, weft::event& next) {
    for (;;) {
        next.wait();
        next.reset();
        clients.spawn([] { throw std::out_of_range("far"); });
    }
}

TEST(a_failed_scope, ends_a_server_that_never_joins_it_with_the_failure) {
    weft::run([] {
        weft::event next(weft::event::manual);
        auto server = weft::spawn([&] {
            weft::scope clients;
            serve_until_a_client_fails(clients, next);
        });
        for (int i = 0; i < 2; ++i) {
            next.set();
            weft::yield();
            weft::yield();
        }
        EXPECT_THROW(server.join(), std::out_of_range);
    });
}

TEST(a_failed_scope, that_has_told_of_its_failure_may_be_destroyed_without_a_join) {
    weft::run([] {
        weft::scope tasks;
        fail_now(tasks);
        EXPECT_THROW(tasks.spawn([] {}), std::out_of_range);
    });
}

TEST(a_failed_scope, counts_a_failure_once_that_a_task_of_its_own_was_told_of) {
    weft::run([] {
        weft::scope tasks;
        tasks.spawn([&] {
            try {
                weft::sleep_for(1h);
            } catch (std::system_error const&) {
                tasks.spawn([] {});
            }
        });
        fail_now(tasks);
        EXPECT_THROW(tasks.join(), std::out_of_range);
        EXPECT_EQ(tasks.failures().size(), 1U);
    });
}

}  // namespace
