// The reactor that knows no descriptors: what a loop on it can do, and what it can't.

#include <gtest/gtest.h>

#include <cerrno>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/event.hpp>
#include <weft/loop.hpp>
#include <weft/offload.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

/// A thread that has such a loop.
template <class F>
void on_portable_loop(F f) {
    std::thread([&] {
        weft::loop mine(weft::make_reactor("portable"));
        EXPECT_EQ(mine.reactor_name(), "portable");
        f();
    }).join();
}

TEST(portable_reactor, sleeps_until_a_timer_is_due) {
    on_portable_loop([] {
        auto before = weft::clock::now();
        weft::run([] { weft::sleep_for(5ms); });
        EXPECT_GE(weft::clock::now() - before, 5ms);
        EXPECT_GT(weft::loop::current().statistics().sleeps, 0U);
    });
}

TEST(portable_reactor, is_woken_by_what_another_thread_posts) {
    on_portable_loop([] {
        for (int i = 0; i < 500; ++i) {  // each comes at another point of falling asleep
            bool done = false;
            weft::loop& here = weft::loop::current();
            std::thread other([&] { here.post([&] { done = true; }); });
            here.run_until(done);
            other.join();
        }
    });
}

TEST(portable_reactor, is_woken_for_a_coroutine_that_another_thread_wakes) {
    on_portable_loop([] {
        int woken = 0;
        weft::run([&] {
            for (int i = 0; i < 500; ++i) {
                std::thread other;
                weft::suspend([&](weft::handle h) { other = std::thread([h = std::move(h)]() mutable { h.wake(); }); });
                other.join();
                ++woken;
            }
        });
        EXPECT_EQ(woken, 500);
    });
}

TEST(portable_reactor, runs_offloaded_calls_on_other_threads) {
    on_portable_loop([] {
        std::thread::id here = std::this_thread::get_id();
        int elsewhere = 0;
        weft::run([&] {
            weft::scope calls;
            for (int i = 0; i < 20; ++i) {
                calls.spawn(
                    [&] { elsewhere += weft::offload([&] { return std::this_thread::get_id() != here; }) ? 1 : 0; });
            }
            calls.join();
        });
        EXPECT_EQ(elsewhere, 20);
    });
}

TEST(portable_reactor, lets_an_offloaded_call_throw) {
    on_portable_loop([] {
        EXPECT_THROW(weft::run([] { weft::offload([] { throw std::runtime_error("no"); }); }), std::runtime_error);
    });
}

TEST(portable_reactor, takes_a_call_back_that_no_thread_has_begun) {
    on_portable_loop([] {
        std::promise<void> may_end;
        auto end = may_end.get_future().share();
        bool cancelled = false;
        weft::run([&] {
            weft::scope busy;
            for (int i = 0; i < 64; ++i) {  // as many as run at once
                busy.spawn([end] { weft::offload([end] { end.wait(); }); });
            }
            weft::task<void> late = weft::spawn([&] {
                try {
                    weft::offload([] {});
                } catch (std::system_error const& e) {
                    cancelled = e.code() == std::errc::operation_canceled;
                }
            });
            weft::sleep_for(1ms);
            late.cancel();
            late.join();
            may_end.set_value();
        });
        EXPECT_TRUE(cancelled);
    });
}

TEST(portable_reactor, says_that_it_knows_no_descriptors) {
    on_portable_loop([] {
        std::vector<std::int64_t> results;
        weft::run([&] {
            for (auto kind :
                 {weft::operation::kind::poll, weft::operation::kind::readv, weft::operation::kind::connect}) {
                weft::operation op{.what = kind, .fd = 0};
                results.push_back(weft::detail::wait_for(op, "a descriptor", weft::call_site::here()));
            }
        });
        EXPECT_EQ(results, std::vector<std::int64_t>(3, -ENOSYS));
    });
}

TEST(portable_reactor, is_one_of_those_that_the_message_names) {
    try {
        (void)weft::make_reactor("kqueue");
        FAIL() << "there is one";
    } catch (std::invalid_argument const& e) {
        EXPECT_NE(std::string(e.what()).find("'kqueue' here; there are: "), std::string::npos) << e.what();
        EXPECT_TRUE(std::string(e.what()).ends_with("portable")) << e.what();
    }
}

}  // namespace
