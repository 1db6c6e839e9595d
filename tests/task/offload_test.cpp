// Blocking calls on the loop's pool of threads.

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <weft/offload.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

TEST(offload, returns_what_the_call_returned) {
    weft::run([] { EXPECT_EQ(weft::offload([] { return std::string("read"); }), "read"); });
}

TEST(offload, returns_what_can_only_be_moved) {
    weft::run([] { EXPECT_EQ(*weft::offload([] { return std::make_unique<int>(5); }), 5); });
}

TEST(offload, returns_a_reference) {
    weft::run([] {
        int x = 0;
        EXPECT_EQ(&weft::offload([&]() -> int& { return x; }), &x);
    });
}

TEST(offload, throws_what_the_call_threw) {
    weft::run([] { EXPECT_THROW(weft::offload([] { throw std::out_of_range("far"); }), std::out_of_range); });
}

TEST(offload, calls_on_another_thread_and_outside_coroutines) {
    weft::run([] {
        auto here = std::this_thread::get_id();
        weft::offload([&] {
            EXPECT_NE(std::this_thread::get_id(), here);
            EXPECT_FALSE(weft::in_coroutine());
        });
        EXPECT_EQ(std::this_thread::get_id(), here);
    });
}

TEST(offload, lets_other_coroutines_run_meanwhile) {
    weft::run([] {
        std::latch ran(1);
        auto other = weft::spawn([&] { ran.count_down(); });
        weft::offload([&] { ran.wait(); });  // would never end if the thread were blocked
        other.join();
    });
}

TEST(offload, outside_a_coroutine_runs_the_loop_meanwhile) {
    std::latch ran(1);
    auto other = weft::spawn([&] { ran.count_down(); });
    EXPECT_EQ(weft::offload([&] {
                  ran.wait();
                  return 7;
              }),
              7);
    other.join();
}

TEST(offload, as_many_as_64_calls_run_at_once) {
    weft::run([] {
        std::latch all_there(64);
        weft::scope calls;
        for (int i = 0; i < 64; ++i) {
            calls.spawn([&] { weft::offload([&] { all_there.arrive_and_wait(); }); });
        }
        calls.join();
    });
}

TEST(offload, no_more_than_64_calls_run_at_once_and_all_have_their_turn) {
    std::atomic<int> now = 0;
    std::atomic<int> most = 0;
    std::atomic<int> done = 0;
    weft::run([&] {
        weft::scope calls;
        for (int i = 0; i < 500; ++i) {
            calls.spawn([&] {
                weft::offload([&] {
                    int mine = ++now;
                    for (int seen = most; seen < mine && !most.compare_exchange_weak(seen, mine);) {
                    }
                    std::this_thread::yield();
                    --now;
                    ++done;
                });
            });
        }
        calls.join();
    });
    EXPECT_LE(most, 64);
    EXPECT_EQ(done, 500);
}

TEST(offload, threads_that_have_nothing_to_do_end) {
    weft::run([] {
        std::mutex m;
        std::set<pid_t> threads;
        std::latch all_there(16);
        weft::scope calls;
        for (int i = 0; i < 16; ++i) {
            calls.spawn([&] {
                weft::offload([&] {
                    all_there.arrive_and_wait();
                    std::scoped_lock lock(m);
                    threads.insert(gettid());
                });
            });
        }
        calls.join();
        EXPECT_EQ(threads.size(), 16U);
        for (pid_t thread : threads) {
            while (std::filesystem::exists("/proc/self/task/" + std::to_string(thread))) {
                weft::sleep_for(10ms);  // for ever, if they don't
            }
        }
        weft::offload([] {});  // and there is one again when it is needed
    });
}

TEST(offload, a_call_that_has_begun_is_waited_for_when_the_caller_is_cancelled) {
    weft::run([] {
        std::latch begun(1);
        std::latch may_end(1);
        auto t = weft::spawn([&] {
            return weft::offload([&] {
                begun.count_down();
                may_end.wait();
                return 3;
            });
        });
        weft::yield();
        weft::offload([&] { begun.wait(); });
        t.cancel();
        weft::yield();
        EXPECT_FALSE(t.done());
        may_end.count_down();
        EXPECT_EQ(t.join(), 3);
    });
}

TEST(offload, a_call_that_has_not_begun_is_taken_back_when_the_caller_is_cancelled) {
    weft::run([] {
        std::latch all_there(64);
        std::latch may_end(1);
        weft::scope calls;
        for (int i = 0; i < 64; ++i) {
            calls.spawn([&] {
                weft::offload([&] {
                    all_there.count_down();
                    may_end.wait();
                });
            });
        }
        while (!all_there.try_wait()) {
            weft::yield();
        }
        bool called = false;
        auto t = weft::spawn([&] { weft::offload([&] { called = true; }); });
        weft::yield();
        t.cancel();
        try {
            t.join();
            ADD_FAILURE() << "not cancelled";
        } catch (std::system_error const& e) {
            EXPECT_EQ(e.code(), std::errc::operation_canceled);
        }
        may_end.count_down();
        calls.join();
        EXPECT_FALSE(called);
    });
}

TEST(offload, makes_no_call_when_the_time_is_over_already) {
    weft::run([] {
        bool called = false;
        try {
            weft::with_limit(0ms, [&] { weft::offload([&] { called = true; }); });
            ADD_FAILURE() << "not ended";
        } catch (std::system_error const& e) {
            EXPECT_EQ(e.code(), std::errc::timed_out);
        }
        EXPECT_FALSE(called);
    });
}

}  // namespace
