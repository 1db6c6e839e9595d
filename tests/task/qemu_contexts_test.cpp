// What QEMU's coroutines promise of contexts and of going from one to another, in weft's own terms; the numbers are those of
// the cases that both have been held to. (C's: tests/c/qemu_contexts_test.c. The other cases: tests/io/qemu_test.cpp.)

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/runtime.hpp>

#include "../instrumented.hpp"

namespace {

using namespace std::chrono_literals;

/// Looked up anew at each call: the caller may have come from another thread.
[[gnu::noinline]] weft::loop* here() {
    asm volatile("");
    return &weft::loop::current();
}

// ---- X1: scheduling -----------------------------------------------------------------------------------------------------

TEST(qemu, X1_one_that_is_scheduled_runs_there_and_in_a_turn_of_its_own) {
    weft::runtime rt(2);
    EXPECT_EQ(rt.spawn_on(1, [] { return here(); }).join(), &rt.at(1));
    weft::run([] {
        std::string order;
        auto scheduled = weft::spawn([&] { order += 's'; });
        order += 'c';
        scheduled.join();
        EXPECT_EQ(order, "cs");
    });
}

/// A thread that does nothing but wait for a handle, and wakes it at once.
class eager_waker {
public:
    eager_waker() : thread_([this](std::stop_token const& stop) { work(stop); }) {}
    void wake(weft::handle& h) { given_.store(&h); }

private:
    void work(std::stop_token const& stop) {
        while (!stop.stop_requested()) {
            if (weft::handle* h = given_.exchange(nullptr)) {
                h->wake();
                std::this_thread::yield();
            }
        }
    }

    std::atomic<weft::handle*> given_{nullptr};
    std::jthread thread_;
};

TEST(qemu, X1_it_never_runs_before_the_one_that_scheduled_it_has_yielded) {
    weft::runtime rt(2);
    eager_waker waker;
    bool too_early = false;
    rt.spawn_on(0, [&] {
          for (int i = 0; i < 100; ++i) {
              std::atomic<bool> has_yielded = false;
              weft::handle h;
              weft::suspend([&](weft::handle given) {
                  h = std::move(given);
                  waker.wake(h);
                  for (int slow = 0; slow < 1000; ++slow) {
                      asm volatile("");
                  }
                  has_yielded = true;
              });
              too_early = too_early || !has_yielded || here() != &rt.at(0);
              weft::move_to(rt.at(1));  // that loop is idle: it would begin at once
              too_early = too_early || here() != &rt.at(1);
              weft::move_to(rt.at(0));
          }
      }).join();
    EXPECT_FALSE(too_early);
}

void schedule_twice() {
    weft::run([] {
        weft::handle kept;
        auto waits = weft::spawn([&] { weft::suspend([&](weft::handle h) { kept = std::move(h); }); });
        weft::yield();
        kept.wake({"first.cpp", 1});
        kept.wake({"second.cpp", 2});
    });
}

TEST(qemu_death, X1_scheduling_one_twice_ends_the_program_and_names_the_first_place) {
    EXPECT_DEATH(schedule_twice(),
                 "second.cpp:2: wake\\(\\) called on a handle that has woken its coroutine already, at first.cpp:1");
}

// ---- X2: waking ---------------------------------------------------------------------------------------------------------

TEST(qemu, X2_a_wake_up_on_its_own_loop_is_queued_and_comes_in_the_same_turn_outside_coroutines) {
    weft::run([] {
        std::string order;
        weft::handle kept;
        auto waits = [&] {
            weft::suspend([&](weft::handle h) { kept = std::move(h); });
            order += 'r';
        };
        auto first = weft::spawn(waits);
        weft::yield();
        kept.wake();
        order += 'w';
        first.join();
        EXPECT_EQ(order, "wr");

        auto second = weft::spawn(waits);
        weft::yield();
        weft::loop::current().post([&] {
            kept.wake();
            order += 'p';
            weft::loop::current().post([&] { order += '|'; });  // of the next turn
        });
        second.join();
        weft::yield();
        EXPECT_EQ(order, "wrpr");
        while (order.back() != '|') {
            weft::yield();
        }
    });
}

TEST(qemu, X2_from_another_thread_it_goes_on_on_the_loop_that_it_was_last_on) {
    weft::runtime rt(3);
    weft::run([&] {
        weft::loop* home = here();
        for (weft::loop* last : {&rt.at(0), home, &rt.at(2)}) {
            std::jthread waker;
            weft::move_to(*last);
            weft::suspend([&](weft::handle h) { waker = std::jthread([h = std::move(h)]() mutable { h.wake(); }); });
            EXPECT_EQ(here(), last);
        }
    });
}

// ---- X3: going on elsewhere ---------------------------------------------------------------------------------------------

TEST(qemu, X3_a_coroutine_goes_on_on_another_loop_and_comes_back) {
    weft::runtime rt(1);
    weft::run([&] {
        weft::loop* home = here();
        weft::move_to(*home);  // it is there already
        EXPECT_EQ(here(), home);
        weft::move_to(rt.at(0));
        EXPECT_EQ(here(), &rt.at(0));
        EXPECT_TRUE(weft::in_coroutine());
        weft::move_to(*home);
        EXPECT_EQ(here(), home);
    });
}

TEST(qemu, X3_enter_runs_it_on_the_loop_that_is_named_from_whatever_loop) {
    weft::runtime rt(2);
    weft::loop* from_its_own = rt.run([&] { return rt.spawn_on(0, [] { return here(); }).join(); });
    weft::loop* from_another = rt.spawn_on(1, [&] { return rt.spawn_on(0, [] { return here(); }).join(); }).join();
    EXPECT_EQ(from_its_own, &rt.at(0));
    EXPECT_EQ(from_another, &rt.at(0));
}

// ---- X4: five contexts --------------------------------------------------------------------------------------------------

constexpr unsigned contexts = 5;
constexpr unsigned travellers = 10;
constexpr unsigned trips = weft_test::how_many(200, 50);

/// Puts itself on a loop at random, and counts how often it was sent to each and came to each.
struct journey {
    explicit journey(weft::runtime& runtime) : rt(runtime) {}

    void go_on(std::minstd_rand& random) {
        unsigned next = static_cast<unsigned>(random()) % contexts;
        sent_to[next].fetch_add(1, std::memory_order_relaxed);
        weft::move_to(rt.at(next));
        for (unsigned i = 0; i < contexts; ++i) {
            arrived_at[i].fetch_add(here() == &rt.at(i) ? 1 : 0, std::memory_order_relaxed);
        }
    }

    /// Each loop has run what was given to it, and nothing else. Returns how much that was.
    [[nodiscard]] unsigned check() const {
        unsigned all = 0;
        for (unsigned i = 0; i < contexts; ++i) {
            EXPECT_EQ(arrived_at[i], sent_to[i]) << "on the loop number " << i;
            all += arrived_at[i];
        }
        return all;
    }

    weft::runtime& rt;
    std::array<std::atomic<unsigned>, contexts> sent_to{}, arrived_at{};
};

TEST(qemu, X4_coroutines_put_themselves_on_random_contexts_and_each_runs_what_it_was_given) {
    weft::runtime rt(contexts);
    journey all(rt);
    std::vector<weft::remote_task<void>> tasks;
    for (unsigned t = 0; t < travellers; ++t) {
        tasks.push_back(rt.spawn([&, t] {
            std::minstd_rand random(t + 1);
            for (unsigned i = 0; i < trips; ++i) {
                all.go_on(random);
            }
        }));
    }
    for (auto& t : tasks) {
        t.join();
    }
    rt.stop();
    EXPECT_EQ(all.check(), travellers * trips);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(qemu, X4_a_stop_in_the_middle_of_their_travels_is_orderly) {
    for (unsigned round = 0; round < weft_test::how_many(50, 10); ++round) {
        weft::runtime rt(contexts);
        journey all(rt);
        std::atomic<unsigned> begun = 0, ended = 0;
        for (unsigned t = 0; t < travellers; ++t) {
            rt.spawn([&, seed = travellers * round + t + 1] {
                  std::minstd_rand random(seed);
                  ++begun;
                  try {
                      for (;;) {
                          all.go_on(random);
                          weft::sleep_for(0ms);
                      }
                  } catch (std::system_error const& e) {
                      EXPECT_EQ(e.code(), std::errc::operation_canceled);
                  }
                  all.go_on(random);  // to clean up, say
                  ++ended;
              }).detach();
        }
        while (begun < travellers) {
            std::this_thread::yield();
        }
        rt.stop();
        EXPECT_EQ(ended, travellers);
        EXPECT_GE(all.check(), travellers);
        EXPECT_EQ(weft::coroutine_count(), 0U);
    }
}

// ---- X5: bottom halves --------------------------------------------------------------------------------------------------

TEST(qemu, X5_posted_calls_come_in_order_from_any_thread_and_outside_coroutines) {
    constexpr unsigned posters = 3, calls = 200;
    std::array<unsigned, posters> next{};
    unsigned out_of_order = 0, in_a_coroutine = 0, left = posters * calls;
    weft::run([&] {
        weft::loop* target = here();
        std::vector<std::jthread> threads;
        for (unsigned p = 0; p < posters; ++p) {
            threads.emplace_back([&, p] {
                for (unsigned i = 0; i < calls; ++i) {
                    target->post([&, p, i] {
                        out_of_order += next[p]++ == i ? 0 : 1;
                        in_a_coroutine += weft::in_coroutine() ? 1 : 0;
                        --left;
                    });
                }
            });
        }
        while (left > 0) {
            weft::yield();
        }
    });
    EXPECT_EQ(out_of_order, 0U);
    EXPECT_EQ(in_a_coroutine, 0U);
}

}  // namespace
