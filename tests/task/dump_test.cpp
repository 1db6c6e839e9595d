// Who waits for whom: weft::dump(), deadlocks, and what run() says of coroutines that are parked for ever.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <latch>
#include <sstream>
#include <string>
#include <thread>
#include <weft/channel.hpp>
#include <weft/dump.hpp>
#include <weft/event.hpp>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/offload.hpp>
#include <weft/select.hpp>
#include <weft/semaphore.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string dump() {
    std::ostringstream out;
    weft::dump(out);
    return out.str();
}

TEST(dump, of_no_coroutine) {
    EXPECT_EQ(dump(), "0 coroutines\n");
}

TEST(dump, names_each_coroutine_its_state_and_where_it_was_made) {
    weft::run([] {
        weft::semaphore none(1);
        none.acquire();
        auto waiting = weft::spawn({.name = "waiting"}, [&] { none.acquire(); });
        weft::yield();
        auto queued = weft::spawn({.name = "queued"}, [] {});
        weft::coroutine suspended({.name = "suspended"}, [] { weft::yield(); });
        suspended.enter();
        std::string all = dump();
        EXPECT_THAT(all, ContainsRegex("\"main\" .id [0-9]+, created at .*dump_test.cpp:[0-9]+.: running, entered at"));
        EXPECT_THAT(all, ContainsRegex("\"waiting\" .*: waits for .*semaphore.* .0x[0-9a-f]+. for [0-9.]+ s at "
                                       ".*dump_test.cpp:[0-9]+"));
        EXPECT_THAT(all, ContainsRegex("\"queued\" .*: queued to run"));
        EXPECT_THAT(all, ContainsRegex("\"suspended\" .*: suspended at .*dump_test.cpp"));
        EXPECT_THAT(all, HasSubstr("\n4 coroutines\n"));
        EXPECT_THAT(all, Not(HasSubstr("deadlock")));
        none.release();
        waiting.join();
        none.release();
        queued.join();
    });
}

TEST(dump, names_the_cases_of_a_select) {
    weft::run([] {
        weft::channel<int> values;
        weft::event over(weft::event::manual);
        auto t = weft::spawn({.name = "choosing"}, [&] {
            return weft::select(weft::when::received(values), weft::when::happened(over)).index();
        });
        weft::yield();
        EXPECT_THAT(dump(), ContainsRegex("\"choosing\" .*: waits for a select .0x[0-9a-f]+.: a channel's next value "
                                          ".0x[0-9a-f]+., or an event .0x[0-9a-f]+. for .* at .*dump_test.cpp"));
        over.set();
        EXPECT_EQ(t.join(), 1U);
    });
}

/// dump(), once a thread is in it.
std::string dump_with_a_thread() {
    std::string all = dump();
    while (all.find("thread ") == std::string::npos) {
        std::this_thread::yield();
        all = dump();
    }
    return all;
}

TEST(dump, names_a_thread_that_waits_and_what_for) {
    weft::event over(weft::event::manual);
    std::jthread waiting([&] { over.wait(); });
    EXPECT_THAT(
        dump_with_a_thread(),
        ContainsRegex("thread [0-9]+: waits for an event .0x[0-9a-f]+. for [0-9.]+ s at .*dump_test.cpp:[0-9]+\n"
                      "0 coroutines, and 1 thread that waits\n"));
    over.set();
    waiting.join();
    EXPECT_EQ(dump(), "0 coroutines\n");
}

TEST(dump, names_the_cases_of_a_thread_that_selects) {
    weft::event one(weft::event::manual), other(weft::event::manual);
    std::jthread waiting([&] { (void)weft::select(weft::when::happened(one), weft::when::happened(other)); });
    EXPECT_THAT(dump_with_a_thread(), ContainsRegex("waits for a select .*: an event .*, or an event .* for "));
    other.set();
}

TEST(dump, says_who_holds_the_mutex_that_is_waited_for) {
    weft::run([] {
        weft::mutex m;
        m.lock();
        auto t = weft::spawn({.name = "waiting"}, [&] { std::scoped_lock lock(m); });
        weft::yield();
        EXPECT_THAT(dump(),
                    ContainsRegex("\"waiting\" .*waits for a mutex .*,\n +which coroutine \"main\" .* holds\n"));
        m.unlock();
        t.join();
        EXPECT_THAT(dump(), Not(HasSubstr("holds")));
    });
}

TEST(dump, names_the_new_holder_after_a_hand_over) {
    weft::run([] {
        weft::mutex m;
        m.lock();
        bool go_on = false;
        auto hold = [&] {
            std::scoped_lock lock(m);
            while (!go_on) {
                weft::yield();
            }
        };
        auto first = weft::spawn({.name = "first"}, hold);
        auto second = weft::spawn({.name = "second"}, hold);
        weft::yield();
        m.unlock();
        weft::yield();
        EXPECT_THAT(dump(), ContainsRegex("\"second\" .*,\n +which coroutine \"first\" .* holds\n"));
        go_on = true;
        first.join();
        second.join();
    });
}

/// Two coroutines, each waiting for what the other holds, until a limit ends it.
void lock_each_others_mutexes_for_a_while(weft::mutex& a, weft::mutex& b, auto meanwhile) {
    weft::scope tasks;
    auto lock_both = [&](char const* name, weft::mutex& mine, weft::mutex& theirs) {
        tasks.spawn({.name = name}, [&mine, &theirs] {
            std::scoped_lock first(mine);
            weft::yield();
            try {
                weft::with_limit(1h, [&] { std::scoped_lock second(theirs); });
            } catch (std::system_error const&) {
            }
        });
    };
    lock_both("left", a, b);
    lock_both("right", b, a);
    weft::yield();
    weft::yield();
    meanwhile();
    tasks.cancel();
    tasks.join();
}

TEST(dump, names_a_circle_of_holders_a_deadlock) {
    weft::run([] {
        weft::mutex a;
        weft::mutex b;
        std::string all;
        lock_each_others_mutexes_for_a_while(a, b, [&] { all = dump(); });
        EXPECT_THAT(all, ContainsRegex("\ndeadlock: coroutine \"left\" .*-> coroutine \"right\" .*-> "
                                       "coroutine \"left\" .*\n"));
        EXPECT_EQ(all.find("deadlock"), all.rfind("deadlock"));
    });
}

TEST(dump, says_whose_end_is_waited_for) {
    weft::run([] {
        weft::event go(weft::event::manual);
        auto worker = weft::spawn({.name = "worker"}, [&] { go.wait(); });
        weft::scope crowd;
        for (int i = 0; i < 7; ++i) {
            crowd.spawn({.name = "one of seven"}, [&] { go.wait(); });
        }
        auto joins = weft::spawn({.name = "joins"}, [&] { worker.join(); });
        auto joins_all = weft::spawn({.name = "joins all"}, [&] { crowd.join(); });
        weft::yield();
        std::string all = dump();
        EXPECT_THAT(all, ContainsRegex("\"joins\" .*: waits for a task's end .*,\n"
                                       " +until the end of coroutine \"worker\" [^,]*, created at [^,]*\n"));
        EXPECT_THAT(all, ContainsRegex("\"joins all\" .*: waits for a scope's tasks .*,\n"
                                       " +until the end of coroutine \"one of seven\" .* and 2 more\n"));
        EXPECT_THAT(all, Not(HasSubstr("deadlock")));
        go.set();
        joins.join();
        joins_all.join();
    });
}

TEST(dump, names_a_circle_through_a_join_a_deadlock) {
    weft::run([] {
        weft::mutex m;
        std::string all;
        auto parent = weft::spawn({.name = "parent"}, [&] {
            std::scoped_lock lock(m);
            weft::spawn({.name = "child"}, [&] { std::scoped_lock too(m); }).join();
        });
        weft::yield();
        weft::yield();
        EXPECT_THAT(dump(), ContainsRegex("\ndeadlock: coroutine \"parent\" .*-> coroutine \"child\" .*-> "
                                          "coroutine \"parent\" .*\n"));
        parent.cancel();
        EXPECT_THROW(parent.join(), std::system_error);
    });
}

TEST(dump, names_a_circle_through_the_tasks_of_a_scope_a_deadlock) {
    weft::run([] {
        weft::mutex m;
        auto parent = weft::spawn({.name = "parent"}, [&] {
            std::scoped_lock lock(m);
            weft::scope children;
            children.spawn({.name = "harmless"}, [] { weft::sleep_for(1h); });
            children.spawn({.name = "child"}, [&] { std::scoped_lock too(m); });
            children.join();
        });
        weft::yield();
        weft::yield();
        std::string all = dump();
        EXPECT_THAT(all, ContainsRegex("\ndeadlock: coroutine \"parent\" .*-> coroutine \"child\" .*-> "
                                       "coroutine \"parent\" .*\n"));
        EXPECT_EQ(all.find("deadlock"), all.rfind("deadlock"));
        parent.cancel();
        EXPECT_THROW(parent.join(), std::system_error);
    });
}

TEST(dump, says_that_a_thread_holds_the_mutex_that_is_waited_for) {
    weft::mutex m;
    m.lock();
    std::jthread other([&] { weft::run([&] { std::scoped_lock lock(m); }); });
    std::string all;
    do {
        all = dump();
    } while (all.find("which a thread holds") == std::string::npos);  // for ever, if it is not said
    m.unlock();
}

TEST(dump, names_a_circle_across_loops) {
    weft::mutex a;
    weft::mutex b;
    std::latch both_hold(2);
    std::latch may_end(1);
    std::jthread threads[2];
    for (int i = 0; i < 2; ++i) {
        threads[i] = std::jthread([&, i] {
            weft::run([&] {
                auto t = weft::spawn({.name = i == 0 ? "left" : "right"}, [&] {
                    std::scoped_lock first(i == 0 ? a : b);
                    weft::offload([&] { both_hold.arrive_and_wait(); });
                    try {
                        std::scoped_lock second(i == 0 ? b : a);
                    } catch (std::system_error const&) {
                    }
                });
                weft::offload([&] { may_end.wait(); });
                t.cancel();
                t.join();
            });
        });
    }
    std::string all;
    do {
        all = dump();
    } while (all.find("deadlock: ") == std::string::npos);  // for ever, if it is not found
    EXPECT_THAT(all, ContainsRegex("deadlock: .*\"left\".*-> .*\"right\""));
    may_end.count_down();
}

TEST(dump, can_be_made_while_other_threads_run_coroutines) {
    std::atomic<bool> stop = false;
    weft::mutex m;
    std::jthread busy([&] {
        weft::run([&] {
            weft::scope tasks;
            for (int i = 0; i < 10; ++i) {
                tasks.spawn([&] {
                    while (!stop) {
                        std::scoped_lock lock(m);
                        weft::spawn([] { weft::yield(); }).join();
                    }
                });
            }
            tasks.join();
        });
    });
    for (int i = 0; i < 300; ++i) {
        EXPECT_THAT(dump(), HasSubstr(" coroutine"));
    }
    stop = true;
}

/// What goes to stderr while it lives.
class captured_stderr {
public:
    captured_stderr() {
        if (pipe(ends_) != 0) {
            std::abort();
        }
        before_ = dup(STDERR_FILENO);
        dup2(ends_[1], STDERR_FILENO);
        close(ends_[1]);
    }
    ~captured_stderr() {
        dup2(before_, STDERR_FILENO);
        close(before_);
        close(ends_[0]);
    }

    /// Reads on until the text ends so.
    std::string until(std::string const& end) {
        while (!text_.ends_with(end)) {
            char c;
            if (read(ends_[0], &c, 1) != 1) {
                break;
            }
            text_ += c;
        }
        return text_;
    }

    /// All that was written.
    std::string all() {
        [[maybe_unused]] ssize_t ignored = write(STDERR_FILENO, "\r", 1);
        return until("\r");
    }

private:
    int ends_[2];
    int before_;
    std::string text_;
};

TEST(parked_for_ever, run_says_who_is_and_where_and_goes_on_waiting) {
    captured_stderr said;
    weft::handle parked;
    std::latch is_parked(1);
    std::string report;
    std::jthread waker([&] {
        is_parked.wait();
        report = said.until("which coroutine \"main\"");
        parked.wake();
    });
    weft::run({.report_parked_after = 1ms}, [&] {
        weft::mutex m;
        std::unique_lock lock(m);
        auto t = weft::spawn({.name = "for ever"}, [&] {
            m.lock();
            m.unlock();
        });
        weft::yield();
        weft::suspend([&](weft::handle h) {
            parked = std::move(h);
            is_parked.count_down();
        });
        lock.unlock();
        t.join();
    });
    waker.join();
    EXPECT_THAT(report, HasSubstr("weft: a loop has nothing to do"));
    EXPECT_THAT(report, ContainsRegex("\"main\" .*: waits for a wake-up .*dump_test.cpp:[0-9]+"));
    EXPECT_THAT(report, ContainsRegex("\"for ever\" .*: waits for a mutex .*dump_test.cpp:[0-9]+"));
}

/// A run() whose coroutine waits for a thread that takes its time.
void wait_for_a_slow_thread(weft::run_options const& options) {
    std::jthread slow;
    weft::run(options, [&] {
        weft::suspend([&](weft::handle h) {
            slow = std::jthread([h = std::move(h)]() mutable {
                std::this_thread::sleep_for(20ms);
                h.wake();
            });
        });
    });
}

TEST(parked_for_ever, run_names_the_deadlock_of_one_that_joins_another_under_a_lock) {
    captured_stderr said;
    std::string report;
    weft::handle parked;
    std::latch is_parked(1);
    std::jthread waker([&] {
        is_parked.wait();
        report = said.until("deadlock: coroutine \"holds\"");
        parked.wake();
    });
    weft::run({.report_parked_after = 1ms}, [&] {
        weft::mutex m;
        auto joins = weft::spawn({.name = "holds"}, [&] {
            std::scoped_lock lock(m);
            weft::spawn([&] { std::scoped_lock too(m); }).join();
        });
        weft::suspend([&](weft::handle h) {
            parked = std::move(h);
            is_parked.count_down();
        });
        joins.cancel();
        EXPECT_THROW(joins.join(), std::system_error);
    });
    waker.join();
    EXPECT_THAT(report, HasSubstr("deadlock: coroutine \"holds\""));
}

TEST(parked_for_ever, run_says_it_once) {
    captured_stderr said;
    wait_for_a_slow_thread({.report_parked_after = 1ms});
    std::string all = said.all();
    EXPECT_NE(all.find("parked for ever"), std::string::npos);
    EXPECT_EQ(all.find("parked for ever"), all.rfind("parked for ever"));
}

TEST(parked_for_ever, run_names_a_hundred_and_counts_the_others) {
    captured_stderr said;
    std::string report;
    weft::event end(weft::event::manual);
    std::jthread ender([&] {
        report = said.until("more:");
        end.set();
    });
    weft::run({.report_parked_after = 1ms}, [&] {
        weft::scope all;
        for (int i = 0; i < 149; ++i) {
            all.spawn([&] { end.wait(); });
        }
        all.join();  // with the one that waits here, 150
    });
    ender.join();
    EXPECT_THAT(report, HasSubstr("\n  and 50 more:"));
}

TEST(parked_for_ever, run_keeps_silent_if_it_is_told_to) {
    captured_stderr said;
    wait_for_a_slow_thread({.report_parked_after = weft::clock::duration::max()});
    EXPECT_EQ(said.all(), "\r");
}

TEST(parked_for_ever, run_keeps_silent_before_its_time) {
    captured_stderr said;
    wait_for_a_slow_thread({});
    EXPECT_EQ(said.all(), "\r");
}

TEST(parked_for_ever, run_keeps_silent_while_there_is_a_timer_or_a_call_under_way) {
    captured_stderr said;
    weft::run({.report_parked_after = 1ms}, [] {
        weft::sleep_for(20ms);
        weft::offload([] { std::this_thread::sleep_for(20ms); });
    });
    EXPECT_EQ(said.all(), "\r");
}

TEST(deadlock_death, the_lock_that_closes_a_circle) {
    EXPECT_DEATH(weft::run([] {
                     weft::mutex a;
                     weft::mutex b;
                     weft::scope tasks;
                     tasks.spawn({.name = "left"}, [&] {
                         std::scoped_lock first(a);
                         weft::yield();
                         std::scoped_lock second(b);
                     });
                     tasks.spawn({.name = "right"}, [&] {
                         std::scoped_lock first(b);
                         weft::yield();
                         std::scoped_lock second(a);
                     });
                     tasks.join();
                 }),
                 "deadlock: coroutine \"right\" .*would wait for what coroutine \"left\" .*holds, which waits at "
                 ".* for what coroutine \"right\" .*holds");
}

TEST(deadlock, a_chain_that_is_no_circle_is_none) {
    weft::run([] {
        weft::mutex a;
        weft::mutex b;
        a.lock();
        weft::scope tasks;
        tasks.spawn([&] {
            std::scoped_lock first(b);
            std::scoped_lock second(a);
        });
        tasks.spawn([&] { std::scoped_lock first(b); });
        weft::yield();
        a.unlock();
        tasks.join();
    });
}

TEST(deadlock, a_circle_with_a_limit_is_none_as_it_ends_by_itself) {
    weft::run([] {
        weft::mutex a;
        weft::mutex b;
        bool ended = false;
        lock_each_others_mutexes_for_a_while(a, b, [&] { ended = true; });
        EXPECT_TRUE(ended);
    });
}

}  // namespace
