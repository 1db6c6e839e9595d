// The past, and the largest and smallest times that there are. "For ever" is told by whoever ends it: all of these would
// hang, or end too early, if a sum overflowed; the sanitizers see the overflow itself.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <limits>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/task.hpp>
#include <weft/wait_queue.hpp>

#include "loop/loop_access.hpp"

namespace {

using namespace std::chrono_literals;
using std::chrono::hours;
using weft::clock;

constexpr auto first = clock::time_point::min();
constexpr auto last = clock::time_point::max();

std::vector<std::function<void()>> const over_already{
    [] { weft::sleep_for(clock::duration::min()); },
    [] { weft::sleep_for(hours::min()); },
    [] { weft::sleep_for(-1s); },
    [] { weft::sleep_for(0s); },
    [] { weft::sleep_until(first); },
    [] { weft::sleep_until(clock::time_point()); },
};

std::vector<std::function<void()>> const for_ever{
    [] { weft::sleep_for(clock::duration::max()); },
    [] { weft::sleep_for(hours::max()); },
    [] { weft::sleep_for(std::chrono::duration<double>(std::numeric_limits<double>::infinity())); },
    [] { weft::sleep_until(last); },
    [] { weft::sleep_until(last - 1ns); },
    [] { weft::sleep_until(std::chrono::time_point<clock, hours>::max()); },
    [] { weft::with_limit(hours::max(), [] { weft::sleep_for(hours::max()); }); },
    [] { weft::with_limit(clock::duration::max(), [] { weft::wait_queue().wait(); }); },
    [] { weft::with_limit(last - 1ns, [] { weft::wait_queue().wait(); }); },
};

TEST(time, a_sleep_that_is_over_returns_and_lets_the_others_run) {
    weft::run([] {
        for (auto const& sleep : over_already) {
            auto other = weft::spawn([] { weft::yield(); });
            sleep();
            other.join();
        }
    });
}

TEST(time, a_sleep_that_is_over_returns_outside_coroutines) {
    for (auto const& sleep : over_already) {
        sleep();
    }
}

TEST(time, a_sleep_for_ever_holds_up_nobody_and_can_be_cancelled) {
    weft::run([] {
        for (auto const& sleep : for_ever) {
            bool cancelled = false;
            auto sleeper = weft::spawn([&] {
                try {
                    sleep();
                    ADD_FAILURE() << "it returned";
                } catch (std::system_error const& e) {
                    cancelled = e.code() == std::errc::operation_canceled;
                }
            });
            weft::sleep_for(1ms);  // the loop sleeps meanwhile, with the others' timers before it
            EXPECT_FALSE(sleeper.done());
            sleeper.cancel();
            sleeper.join();
            EXPECT_TRUE(cancelled);
        }
    });
}

TEST(time, a_loop_with_nothing_but_a_sleep_for_ever_is_woken_by_another_thread) {
    weft::loop& loop = weft::loop::current();
    for (auto const& sleep : for_ever) {
        bool cancelled = false;
        auto sleeper = weft::spawn([&] {
            try {
                sleep();
            } catch (std::system_error const&) {
                cancelled = true;
            }
        });
        loop.run_once(false);
        std::uint64_t sleeps = loop.statistics().sleeps;
        std::jthread waker([&] {
            while (loop.statistics().sleeps == sleeps &&
                   !weft::detail::loop_access::as_executor(loop).sleeping.load()) {
                std::this_thread::yield();
            }
            loop.post([&] { sleeper.cancel(); });
        });
        loop.run_until(cancelled);
        sleeper.join();
    }
}

TEST(time, a_limit_in_the_past_ends_each_wait_at_once) {
    auto met = [](weft::limit const& l) { return !weft::within(l, [] { weft::sleep_for(hours::max()); }); };
    auto trial = [&] {
        EXPECT_TRUE(met(first));
        EXPECT_TRUE(met(hours::min()));
        EXPECT_TRUE(met(clock::duration::min()));
        EXPECT_TRUE(met(-1ns));
        EXPECT_TRUE(met(0s));
    };
    weft::run(trial);
    trial();
}

TEST(time, a_limit_of_for_ever_is_none) {
    auto trial = [] {
        for (weft::limit const& l :
             {weft::limit(hours::max()), weft::limit(clock::duration::max()), weft::limit(last)}) {
            EXPECT_EQ(l.deadline(), last);
            EXPECT_TRUE(weft::within(l, [] { weft::sleep_for(1ns); }));
        }
    };
    weft::run(trial);
    trial();
}

TEST(time, a_thread_without_a_loop_waits_for_ever_until_it_is_woken) {
    for (weft::limit const& l : {weft::limit(hours::max()), weft::limit(last - 1ns), weft::limit(last)}) {
        weft::mutex m;
        m.lock();
        std::promise<void> begins;
        std::thread other([&] {
            begins.set_value();
            EXPECT_TRUE(m.try_lock_for(l));
            m.unlock();
        });
        begins.get_future().wait();
        m.unlock();
        other.join();
        EXPECT_FALSE(m.owned());
    }
}

TEST(time, a_loop_may_spin_for_ever) {
    weft::loop& loop = weft::loop::current();
    loop.set_spin(hours::max());
    weft::sleep_for(1ns);
    weft::sleep_for(1us);
    std::jthread other([&] { loop.post([] {}); });
    bool done = false;
    loop.post([&] { done = true; });
    loop.run_until(done);
    loop.set_spin(0s);
}

}  // namespace
