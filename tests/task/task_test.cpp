#include <fenv.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>
#include <weft/await_callback.hpp>
#include <weft/channel.hpp>
#include <weft/event.hpp>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/offload.hpp>
#include <weft/select.hpp>
#include <weft/semaphore.hpp>
#include <weft/task.hpp>
#include <weft/wait_queue.hpp>

#include "../instrumented.hpp"

namespace {

using namespace std::chrono_literals;

#if defined(WEFT_BACKEND_WINFIBER)
constexpr int many = 5'000;  // under wine each fiber takes some of Linux's mappings
#else
constexpr int many = weft_test::how_many(100'000, 1'000);
#endif

template <class T>
std::error_code error_of(weft::task<T>& t) {
    try {
        t.join();
    } catch (std::system_error const& e) {
        return e.code();
    }
    return {};
}

TEST(run, returns_what_the_body_returned) {
    EXPECT_EQ(weft::run([] { return 42; }), 42);
}

TEST(run, throws_what_the_body_threw) {
    EXPECT_THROW(weft::run([] { throw std::out_of_range("far"); }), std::out_of_range);
}

TEST(run, can_be_called_again) {
    EXPECT_EQ(weft::run([] { return 1; }) + weft::run([] { return 2; }), 3);
}

TEST(run, leaves_no_coroutine_behind) {
    weft::run([] {
        for (int i = 0; i < 10; ++i) {
            weft::spawn([] { weft::sleep_for(1h); }).detach();
            weft::spawn([] {}).detach();
        }
        weft::yield();
    });
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(run, leaves_no_coroutine_behind_when_the_body_throws) {
    EXPECT_THROW(weft::run([] {
                     weft::spawn([] { weft::sleep_for(1h); }).detach();
                     throw std::runtime_error("over");
                 }),
                 std::runtime_error);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(run, cancels_what_a_detached_task_starts_at_the_end) {
    bool slept_to_the_end = false;
    weft::run([&] {
        weft::spawn([&] {
            try {
                weft::sleep_for(1h);
            } catch (std::system_error const&) {
                weft::spawn([&] {
                    weft::sleep_for(500ms);
                    slept_to_the_end = true;
                }).detach();
            }
        }).detach();
        weft::yield();
    });
    EXPECT_FALSE(slept_to_the_end);
}

TEST(task, runs_from_the_next_turn_on) {
    weft::run([] {
        bool ran = false;
        auto t = weft::spawn([&] { ran = true; });
        EXPECT_FALSE(ran);
        t.join();
        EXPECT_TRUE(ran);
    });
}

TEST(task, that_keeps_its_fpu_control_has_it_after_each_turn_and_each_wait) {
    std::vector<int> seen;
    weft::run([&] {
        weft::event gate(weft::event::manual);
        auto body = [&](int rounding) {
            return [&, rounding] {
                fesetround(rounding);
                weft::yield();
                seen.push_back(fegetround());
                gate.wait();
                seen.push_back(fegetround());
            };
        };
        auto up = weft::spawn({.keep_fpu_control = true}, body(FE_UPWARD));
        auto down = weft::spawn({.keep_fpu_control = true}, body(FE_DOWNWARD));
        weft::yield();
        weft::yield();
        gate.set();
        up.join();
        down.join();
        seen.push_back(fegetround());
    });
    EXPECT_EQ(seen, (std::vector<int>{FE_UPWARD, FE_DOWNWARD, FE_UPWARD, FE_DOWNWARD, FE_TONEAREST}));
}

TEST(task, join_returns_what_the_body_returned) {
    weft::run([] { EXPECT_EQ(weft::spawn([] { return std::string("done"); }).join(), "done"); });
}

TEST(task, join_throws_what_the_body_threw) {
    weft::run([] {
        auto t = weft::spawn([]() -> int { throw std::runtime_error("no"); });
        EXPECT_THROW(t.join(), std::runtime_error);
    });
}

TEST(task, can_be_joined_after_it_has_ended) {
    weft::run([] {
        auto t = weft::spawn([] { return 7; });
        while (!t.done()) {
            weft::yield();
        }
        EXPECT_EQ(t.join(), 7);
        EXPECT_FALSE(t);
    });
}

TEST(task, can_be_joined_outside_a_coroutine) {
    auto t = weft::spawn([] {
        weft::sleep_for(1ms);
        return 7;
    });
    EXPECT_EQ(t.join(), 7);
}

TEST(task, a_result_may_be_move_only) {
    weft::run([] {
        std::unique_ptr<int> result = weft::spawn([] { return std::make_unique<int>(5); }).join();
        EXPECT_EQ(*result, 5);
    });
}

TEST(task, a_result_may_be_a_reference) {
    weft::run([] {
        int x = 0;
        int& result = weft::spawn([&]() -> int& { return x; }).join();
        EXPECT_EQ(&result, &x);
    });
}

TEST(task, a_result_that_nobody_fetches_is_destroyed) {
    auto resource = std::make_shared<int>(1);
    weft::run([&] {
        auto joined_by_destructor = weft::spawn([=] { return resource; });
        weft::spawn([=] { return resource; }).detach();
        weft::yield();
    });
    EXPECT_EQ(resource.use_count(), 1);
}

TEST(task, its_body_may_be_move_only) {
    weft::run([] {
        auto t = weft::spawn([p = std::make_unique<int>(3)] { return *p; });
        EXPECT_EQ(t.join(), 3);
    });
}

TEST(task, its_body_is_destroyed_when_it_has_run) {
    weft::run([] {
        auto resource = std::make_shared<int>(1);
        auto t = weft::spawn([resource] {});
        while (!t.done()) {
            weft::yield();
        }
        EXPECT_EQ(resource.use_count(), 1);
        t.join();
    });
}

TEST(task, destructor_cancels_and_joins) {
    weft::run([] {
        bool cancelled = false;
        {
            auto t = weft::spawn([&] {
                try {
                    weft::sleep_for(1h);
                } catch (std::system_error const&) {
                    weft::yield();
                    cancelled = true;
                    throw;
                }
            });
            weft::yield();
        }
        EXPECT_TRUE(cancelled);
    });
}

TEST(task, may_yield_while_it_handles_an_exception) {
    weft::run([] {
        auto t = weft::spawn([] {
            try {
                throw std::runtime_error("handled");
            } catch (std::runtime_error const& e) {
                weft::yield();
                return std::string(e.what());
            }
        });
        EXPECT_EQ(t.join(), "handled");
    });
}

TEST(task, destructor_of_a_cancelled_owner_still_waits) {
    weft::run([] {
        bool inner_ended = false;
        auto owner = weft::spawn([&] {
            auto inner = weft::spawn([&] {
                try {
                    weft::sleep_for(1h);
                } catch (std::system_error const&) {
                }
                weft::yield();
                inner_ended = true;
            });
            weft::sleep_for(1h);
        });
        weft::yield();
        owner.cancel();
        EXPECT_EQ(error_of(owner), std::errc::operation_canceled);
        EXPECT_TRUE(inner_ended);
    });
}

TEST(task, detached_runs_on) {
    weft::run([] {
        bool ran = false;
        weft::spawn([&] {
            weft::yield();
            ran = true;
        }).detach();
        while (!ran) {
            weft::yield();
        }
    });
}

TEST(task, moves) {
    weft::run([] {
        auto a = weft::spawn([] { return 1; });
        weft::task<int> b = std::move(a);
        EXPECT_FALSE(a);
        EXPECT_EQ(b.join(), 1);
    });
}

TEST(task, bears_its_name) {
    weft::run([] {
        auto t = weft::spawn({.name = "reader"}, [] { return std::string(weft::self().name()); });
        EXPECT_EQ(t.join(), "reader");
    });
}

TEST(cancel, ends_a_sleep) {
    weft::run([] {
        auto t = weft::spawn([] { weft::sleep_for(1h); });
        weft::yield();
        t.cancel();
        EXPECT_EQ(error_of(t), std::errc::operation_canceled);
    });
}

TEST(cancel, before_the_first_turn_ends_the_first_wait) {
    weft::run([] {
        bool began = false;
        auto t = weft::spawn([&] {
            began = true;
            weft::sleep_for(1h);
        });
        t.cancel();
        EXPECT_EQ(error_of(t), std::errc::operation_canceled);
        EXPECT_TRUE(began);
    });
}

TEST(cancel, ends_each_later_wait_too) {
    weft::run([] {
        auto t = weft::spawn([] {
            int ended = 0;
            for (int i = 0; i < 3; ++i) {
                try {
                    weft::sleep_for(1h);
                } catch (std::system_error const&) {
                    ++ended;
                }
            }
            return ended;
        });
        weft::yield();
        t.cancel();
        EXPECT_EQ(t.join(), 3);
    });
}

/// Tries again and again, whatever it is told, until `stop`.
void insist(bool const& stop, std::function<void()> const& wait) {
    for (int tries = 0; !stop; ++tries) {
        ASSERT_LT(tries, 1'000'000) << "nobody else had a turn";
        try {
            wait();
        } catch (std::system_error const&) {
        }
    }
}

TEST(cancel, of_a_task_that_waits_again_all_the_same_keeps_nobody_from_a_turn) {
    weft::wait_queue never;
    weft::mutex held;
    weft::channel<int> empty{1};
    weft::handle kept;
    std::optional<weft::completion<void>> unanswered;
    std::vector<std::function<void()>> const waits{
        [] { weft::sleep_for(1h); },
        [&] { never.wait(); },
        [&] { held.lock(); },
        [&] { (void)empty.receive(); },
        [&] {
            weft::suspend([&](weft::handle h) {
                kept = std::move(h);
                return [&] {
                    weft::handle gone = std::move(kept);
                    return true;
                };
            });
        },
        [&] { (void)weft::select(weft::when::woken(never), weft::when::received(empty)); },
        [] { weft::offload([] {}); },
        [&] { weft::await_callback<void>([&](weft::completion<void> const& done) { unanswered.emplace(done); }); },
        [] { weft::with_limit(-1s, [] { weft::sleep_for(1h); }); },
    };
    for (auto const& wait : waits) {
        weft::run([&] {
            std::scoped_lock lock(held);
            bool stop = false;
            auto insists = weft::spawn([&] { insist(stop, wait); });
            weft::yield();
            insists.cancel();
            weft::yield();
            bool posted = false;
            weft::loop::current().post([&] { posted = true; });
            weft::sleep_for(1ms);
            EXPECT_TRUE(posted);
            stop = true;
            insists.join();
        });
    }
}

TEST(cancel, ends_a_wait_for_a_mutex) {
    weft::run([] {
        weft::mutex m;
        std::scoped_lock lock(m);
        auto t = weft::spawn([&] { m.lock(); });
        weft::yield();
        t.cancel();
        EXPECT_EQ(error_of(t), std::errc::operation_canceled);
    });
}

TEST(cancel, ends_a_wait_for_a_semaphore) {
    weft::run([] {
        weft::semaphore s(1);
        s.acquire();
        auto t = weft::spawn([&] { s.acquire(); });
        weft::yield();
        t.cancel();
        EXPECT_EQ(error_of(t), std::errc::operation_canceled);
    });
}

TEST(cancel, ends_a_join_and_the_task_that_was_waited_for_runs_on) {
    weft::run([] {
        bool go_on = false;
        auto worker = weft::spawn([&] {
            while (!go_on) {
                weft::yield();
            }
            return 9;
        });
        auto joiner = weft::spawn([&] { return worker.join(); });
        weft::yield();
        joiner.cancel();
        EXPECT_EQ(error_of(joiner), std::errc::operation_canceled);
        go_on = true;
        EXPECT_EQ(worker.join(), 9);
    });
}

TEST(cancel, of_a_task_that_has_ended_changes_nothing) {
    weft::run([] {
        auto t = weft::spawn([] { return 4; });
        weft::yield();
        t.cancel();
        EXPECT_EQ(t.join(), 4);
    });
}

TEST(cancel, twice_is_the_same_as_once) {
    weft::run([] {
        auto t = weft::spawn([] { weft::sleep_for(1h); });
        weft::yield();
        t.cancel();
        t.cancel();
        EXPECT_EQ(error_of(t), std::errc::operation_canceled);
    });
}

TEST(cancel, at_the_moment_when_a_sleep_ends_does_no_harm) {
    weft::run([] {
        for (int i = 0; i < 200; ++i) {
            auto t = weft::spawn([] { weft::sleep_for(10us); });
            weft::sleep_for(10us);
            t.cancel();
            std::error_code ec = error_of(t);
            EXPECT_TRUE(!ec || ec == std::errc::operation_canceled);
        }
    });
}

TEST(task, a_hundred_thousand_at_once_all_end) {
    int ended = 0;
    weft::run([&] {
        weft::scope all;
        for (int i = 0; i < many; ++i) {
            all.spawn([&] {
                weft::yield();
                ++ended;
            });
        }
        EXPECT_EQ(all.size(), static_cast<std::size_t>(many));
        all.join();
    });
    EXPECT_EQ(ended, many);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(task, a_hundred_thousand_after_one_another_all_end) {
    std::int64_t sum = weft::run([] {
        std::int64_t total = 0;
        for (int i = 0; i < many; ++i) {
            total += weft::spawn([i] { return i; }).join();
        }
        return total;
    });
    EXPECT_EQ(sum, std::int64_t{many} * (many - 1) / 2);
}

TEST(task_death, a_detached_task_fails) {
    EXPECT_DEATH(
        weft::run([] {
            weft::spawn({.name = "stray"}, [] { throw std::runtime_error("out of luck"); }).detach();
            weft::sleep_for(1h);
        }),
        "weft: detached task: coroutine \"stray\" .*ended with an exception that nobody can catch: out of luck");
}

TEST(task_death, a_task_that_has_failed_is_detached) {
    EXPECT_DEATH(
        weft::run([] {
            auto t = weft::spawn({.name = "stray"}, [] { throw std::runtime_error("out of luck"); });
            while (!t.done()) {
                weft::yield();
            }
            t.detach();
            weft::sleep_for(1ms);
        }),
        "weft: detached task: coroutine \"stray\" .*ended with an exception that nobody can catch: out of luck");
}

TEST(task_death, run_inside_a_coroutine) {
    EXPECT_DEATH(weft::run([] { weft::run([] {}); }),
                 "task_test.cpp:[0-9]+: weft::run\\(\\) called inside a coroutine");
}

TEST(task_death, entering_by_hand_one_that_is_queued) {
    EXPECT_DEATH(weft::run([] {
                     weft::handle kept;
                     weft::coroutine co([&] { weft::suspend([&](weft::handle h) { kept = std::move(h); }); });
                     co.enter();
                     kept.wake();
                     co.enter();
                 }),
                 "entered while it is queued to run on its loop; it was suspended at .*task_test.cpp");
}

}  // namespace
