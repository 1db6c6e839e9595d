// Tasks that go on on another loop's thread.

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/task.hpp>

#include "../instrumented.hpp"

namespace {

using namespace std::chrono_literals;

constexpr int rounds = weft_test::how_many(3'000, 300);

/// pthread_self() is declared as a function that always returns the same, so compilers keep it across a move.
[[gnu::noinline]] std::thread::id thread_id() {
    asm volatile("");
    return std::this_thread::get_id();
}

/// A thread that runs its loop until this is destroyed.
class other_loop {
public:
    other_loop()
        : thread_([this] {
              weft::run([this] {
                  loop_ = &weft::loop::current();
                  weft::suspend([this](weft::handle h) {
                      end_ = std::move(h);
                      started_.count_down();
                  });
              });
          }) {
        started_.wait();
    }
    ~other_loop() { end_.wake(); }

    weft::loop& get() { return *loop_; }
    std::thread::id thread() { return thread_.get_id(); }

private:
    weft::loop* loop_ = nullptr;
    weft::handle end_;
    std::latch started_{1};
    std::jthread thread_;
};

template <class T>
std::error_code error_of(weft::task<T>& t) {
    try {
        t.join();
    } catch (std::system_error const& e) {
        return e.code();
    }
    return {};
}

TEST(move_to, goes_on_on_the_other_thread_and_comes_back) {
    other_loop other;
    weft::run([&] {
        auto here = thread_id();
        weft::loop& home = weft::loop::current();
        weft::move_to(other.get());
        EXPECT_EQ(thread_id(), other.thread());
        EXPECT_EQ(&weft::loop::current(), &other.get());
        weft::move_to(home);
        EXPECT_EQ(thread_id(), here);
    });
}

TEST(move_to, to_where_it_is_does_nothing) {
    weft::run([] {
        bool others_ran = false;
        auto t = weft::spawn([&] { others_ran = true; });
        weft::move_to(weft::loop::current());
        EXPECT_FALSE(others_ran);
        t.join();
    });
}

TEST(move_to, yields_sleeps_and_locks_there) {
    other_loop other;
    weft::run([&] {
        weft::mutex m;
        weft::move_to(other.get());
        weft::yield();
        weft::sleep_for(1ms);
        m.lock();
        weft::yield();
        m.unlock();
        EXPECT_EQ(thread_id(), other.thread());
        auto child = weft::spawn([] { return thread_id(); });
        EXPECT_EQ(child.join(), other.thread());
    });
}

TEST(move_to, a_task_that_ends_there_is_joined_at_home) {
    other_loop other;
    weft::run([&] {
        for (int i = 0; i < rounds; ++i) {
            auto t = weft::spawn([&] {
                weft::move_to(other.get());
                return std::make_unique<int>(i);
            });
            EXPECT_EQ(*t.join(), i);
        }
    });
    EXPECT_EQ(weft::coroutine_count(), 1U);  // that of the other loop
}

TEST(move_to, what_a_task_throws_there_comes_out_of_join_at_home) {
    other_loop other;
    weft::run([&] {
        auto t = weft::spawn([&] {
            weft::move_to(other.get());
            throw std::out_of_range("far");
        });
        EXPECT_THROW(t.join(), std::out_of_range);
    });
}

TEST(move_to, brings_the_exception_along_that_is_being_handled) {
    other_loop other;
    weft::run([&] {
        try {
            throw std::runtime_error("here");
        } catch (std::runtime_error const&) {
            weft::move_to(other.get());
            EXPECT_STREQ(
                [] {
                    try {
                        throw;
                    } catch (std::runtime_error const& e) {
                        return e.what();
                    }
                }(),
                "here");
        }
    });
}

TEST(move_to, tasks_of_a_scope_may_end_anywhere) {
    other_loop other;
    std::atomic<int> ended = 0;
    weft::run([&] {
        weft::scope tasks;
        for (int i = 0; i < 100; ++i) {
            tasks.spawn([&, i] {
                if (i % 2 == 0) {
                    weft::move_to(other.get());
                }
                weft::yield();
                ++ended;
            });
        }
        tasks.join();
    });
    EXPECT_EQ(ended, 100);
}

TEST(move_to, an_exception_there_cancels_the_others_of_the_scope_wherever_they_are) {
    other_loop other;
    other_loop third;
    weft::run([&] {
        std::atomic<int> cancelled = 0;
        std::latch waiting(2);
        weft::scope tasks;
        for (auto* l : {&other, &third}) {
            tasks.spawn([&, l] {
                weft::move_to(l->get());
                waiting.count_down();
                try {
                    weft::sleep_for(1h);
                } catch (std::system_error const& e) {
                    EXPECT_EQ(e.code(), std::errc::operation_canceled);
                    EXPECT_EQ(thread_id(), l->thread());
                    ++cancelled;
                    throw;
                }
            });
        }
        tasks.spawn([&] {
            weft::move_to(other.get());
            while (!waiting.try_wait()) {
                weft::yield();
            }
            throw std::out_of_range("far");
        });
        EXPECT_THROW(tasks.join(), std::out_of_range);
        EXPECT_EQ(cancelled, 2);
    });
}

TEST(move_to, a_wait_there_is_cancelled_from_home) {
    other_loop other;
    weft::run([&] {
        for (int i = 0; i < rounds / 10; ++i) {
            std::latch there(1);
            auto t = weft::spawn([&] {
                weft::move_to(other.get());
                there.count_down();
                weft::sleep_for(1h);
            });
            while (!there.try_wait()) {
                weft::yield();
            }
            t.cancel();
            EXPECT_EQ(error_of(t), std::errc::operation_canceled);
        }
    });
}

TEST(move_to, cancelling_finds_a_task_at_whatever_point_of_its_travels) {
    other_loop other;
    other_loop third;
    weft::run([&] {
        std::mt19937 random(1);
        weft::loop& home = weft::loop::current();
        for (int i = 0; i < rounds; ++i) {
            auto t = weft::spawn([&] {
                for (;;) {
                    weft::move_to(other.get());
                    weft::move_to(third.get());
                    weft::yield();
                    weft::move_to(home);
                    weft::sleep_for(0ms);
                }
            });
            for (auto turns = random() % 8; turns > 0; --turns) {
                weft::yield();
            }
            t.cancel();
            EXPECT_EQ(error_of(t), std::errc::operation_canceled);
        }
    });
}

TEST(move_to, cancelling_does_no_harm_to_a_task_that_ends_there_meanwhile) {
    other_loop other;
    weft::run([&] {
        std::mt19937 random(2);
        for (int i = 0; i < rounds; ++i) {
            auto t = weft::spawn([&] {
                weft::move_to(other.get());
                return i;
            });
            for (auto turns = random() % 4; turns > 0; --turns) {
                weft::yield();
            }
            t.cancel();
            EXPECT_EQ(t.join(), i);
        }
    });
}

TEST(move_to, a_cancelled_task_moves_all_the_same) {
    other_loop other;
    weft::run([&] {
        auto t = weft::spawn([&] {
            weft::move_to(other.get());
            return thread_id();
        });
        t.cancel();
        EXPECT_EQ(t.join(), other.thread());
    });
}

TEST(move_to, a_deadline_holds_there) {
    other_loop other;
    weft::run([&] {
        weft::loop& home = weft::loop::current();
        try {
            weft::with_limit(2ms, [&] {
                weft::move_to(other.get());
                weft::sleep_for(1h);
            });
            ADD_FAILURE() << "not ended";
        } catch (std::system_error const& e) {
            EXPECT_EQ(e.code(), std::errc::timed_out);
        }
        EXPECT_EQ(thread_id(), other.thread());
        weft::with_limit(1h, [&] { weft::move_to(home); });
        weft::sleep_for(0ms);
    });
}

TEST(move_to, a_stop_is_found_wherever_the_task_is_when_it_is_requested) {
    other_loop other;
    weft::run([&] {
        weft::loop& home = weft::loop::current();
        for (int i = 0; i < rounds / 3; ++i) {
            std::stop_source stop;
            std::jthread stopper([&] { stop.request_stop(); });
            try {
                weft::with_limit(stop.get_token(), [&] {
                    for (;;) {
                        weft::move_to(other.get());
                        weft::sleep_for(0ms);
                        weft::move_to(home);
                        weft::sleep_for(0ms);
                    }
                });
            } catch (std::system_error const& e) {
                EXPECT_EQ(e.code(), std::errc::operation_canceled);
            }
            weft::move_to(home);
        }
    });
}

TEST(move_to, a_loop_whose_run_ends_cancels_its_guests_and_waits_for_them) {
    weft::run([] {
        std::atomic<weft::loop*> theirs = nullptr;
        std::latch came(1);
        std::thread other([&] {
            weft::run([&] {
                theirs = &weft::loop::current();
                while (!came.try_wait()) {
                    weft::yield();
                }
            });
        });
        while (theirs == nullptr) {
            weft::yield();
        }
        auto t = weft::spawn([&] {
            weft::move_to(*theirs);
            came.count_down();
            weft::sleep_for(1h);
        });
        EXPECT_EQ(error_of(t), std::errc::operation_canceled);
        other.join();
    });
}

TEST(move_to, a_detached_task_may_end_elsewhere) {
    other_loop other;
    weft::run([&] {
        std::atomic<bool> ran = false;
        weft::spawn([&] {
            weft::move_to(other.get());
            ran = true;
        }).detach();
        while (!ran) {
            weft::yield();
        }
    });
    EXPECT_EQ(weft::coroutine_count(), 1U);  // that of the other loop
}

TEST(move_to, thousands_move_at_once_and_none_is_lost) {
    other_loop other;
    other_loop third;
    std::atomic<int> ended = 0;
    weft::run([&] {
        weft::loop* loops[] = {&weft::loop::current(), &other.get(), &third.get()};
        weft::scope tasks;
        for (unsigned i = 0; i < static_cast<unsigned>(rounds); ++i) {
            tasks.spawn([&, i] {
                std::mt19937 random(i);
                for (int hop = 0; hop < 20; ++hop) {
                    weft::move_to(*loops[random() % 3]);
                }
                ++ended;
            });
        }
        tasks.join();
    });
    EXPECT_EQ(ended, rounds);
}

TEST(move_to_death, outside_a_coroutine) {
    EXPECT_DEATH(weft::move_to(weft::loop::current()),
                 "move_to_test.cpp:[0-9]+: move_to\\(\\) called outside a coroutine");
}

TEST(move_to_death, in_a_coroutine_that_is_no_task) {
    EXPECT_DEATH(weft::run([] {
                     weft::coroutine co([] { weft::move_to(weft::loop::current()); });
                     co.enter();
                 }),
                 "move_to\\(\\) called in coroutine .*, which is no task");
}

TEST(move_to_death, joining_a_task_on_another_thread_than_its_own) {
    EXPECT_DEATH(
        {
            other_loop other;
            weft::run([&] {
                auto t = weft::spawn({.name = "stay"}, [] {});
                weft::move_to(other.get());
                t.join();
            });
        },
        "move_to_test.cpp:[0-9]+: a task was joined on another thread .*\"stay\"");
}

}  // namespace
