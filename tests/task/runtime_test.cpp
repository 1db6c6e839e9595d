// Several loops.

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <latch>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>
#include <weft/mutex.hpp>
#include <weft/runtime.hpp>

namespace {

using namespace std::chrono_literals;

TEST(runtime, runs_a_body_and_returns_what_it_returned) {
    weft::runtime rt(2);
    EXPECT_EQ(rt.run([] { return std::make_unique<int>(42); }) != nullptr, true);
    rt.run([] {});
}

TEST(runtime, throws_what_the_body_threw) {
    weft::runtime rt(2);
    EXPECT_THROW(rt.run([] { throw std::out_of_range("far"); }), std::out_of_range);
}

TEST(runtime, spawns_on_each_loop_in_turn) {
    weft::runtime rt(3);
    std::set<weft::loop*> loops;
    for (int i = 0; i < 3; ++i) {
        loops.insert(rt.spawn([] { return &weft::loop::current(); }).join());
    }
    EXPECT_EQ(loops.size(), 3U);
}

TEST(runtime, spawns_on_the_loop_that_is_named) {
    weft::runtime rt(3);
    for (unsigned i = 0; i < 6; ++i) {
        EXPECT_EQ(rt.spawn_on(i, [] { return &weft::loop::current(); }).join(), &rt.at(i));
    }
}

TEST(runtime, has_a_loop_for_each_processor_unless_it_is_told_otherwise) {
    cpu_set_t allowed;
    ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    weft::runtime rt;
    EXPECT_EQ(rt.size(), static_cast<unsigned>(CPU_COUNT(&allowed)));
}

TEST(runtime, pinned_each_thread_keeps_to_one_processor) {
    weft::runtime rt({.threads = 3, .pin = true});
    for (unsigned i = 0; i < 3; ++i) {
        int processors = rt.spawn_on(i, [] {
                               cpu_set_t mine;
                               return sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 0;
                           }).join();
        EXPECT_EQ(processors, 1);
    }
}

TEST(runtime, a_task_is_joined_in_a_coroutine_of_another_loop) {
    weft::runtime rt(2);
    weft::run([&] {
        auto t = rt.spawn([] {
            weft::sleep_for(1ms);
            return 5;
        });
        EXPECT_EQ(t.join(), 5);
    });
}

TEST(runtime, a_task_is_cancelled_from_any_thread) {
    weft::runtime rt(2);
    std::latch waits(1);
    auto t = rt.spawn([&] {
        waits.count_down();
        weft::sleep_for(1h);
    });
    waits.wait();
    t.cancel();
    try {
        t.join();
        ADD_FAILURE() << "not cancelled";
    } catch (std::system_error const& e) {
        EXPECT_EQ(e.code(), std::errc::operation_canceled);
    }
}

TEST(runtime, stopping_cancels_all_tasks_and_waits_for_them) {
    std::atomic<int> began = 0;
    std::atomic<int> ended = 0;
    {
        weft::runtime rt(3);
        std::latch all_there(30);
        for (int i = 0; i < 30; ++i) {
            rt.spawn([&] {
                  ++began;
                  all_there.count_down();
                  try {
                      weft::sleep_for(1h);
                  } catch (std::system_error const&) {
                  }
                  for (int turn = 0; turn < 100; ++turn) {
                      weft::yield();
                  }
                  ++ended;
              }).detach();
        }
        all_there.wait();
    }
    EXPECT_EQ(began, 30);
    EXPECT_EQ(ended, 30);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(runtime, stopping_waits_for_tasks_that_go_to_other_loops_to_clean_up) {
    for (int round = 0; round < 50; ++round) {
        std::atomic<int> cleaned = 0;
        weft::runtime rt(4);
        std::latch all_there(8);
        for (unsigned i = 0; i < 8; ++i) {
            rt.spawn_on(i, [&, i] {
                  all_there.count_down();
                  try {
                      weft::sleep_for(1h);
                  } catch (std::system_error const&) {
                  }
                  for (unsigned hop = 1; hop < 10; ++hop) {
                      weft::move_to(rt.at(i + hop));
                      weft::spawn([&] { ++cleaned; }).detach();
                  }
              }).detach();
        }
        all_there.wait();
        rt.stop();
        EXPECT_EQ(cleaned, 72);
        EXPECT_EQ(weft::coroutine_count(), 0U);
    }
}

TEST(runtime, what_was_spawned_just_before_the_stop_ends_too) {
    for (int round = 0; round < 100; ++round) {
        auto resource = std::make_shared<int>(1);
        weft::runtime rt(2);
        for (int i = 0; i < 10; ++i) {
            rt.spawn([resource] { weft::sleep_for(1h); }).detach();
        }
        rt.stop();
        rt.stop();
        EXPECT_EQ(resource.use_count(), 1);
    }
}

TEST(runtime, a_mutex_holds_across_its_loops) {
    weft::mutex m;
    long count = 0;
    weft::runtime rt(4);
    std::vector<weft::remote_task<void>> tasks;
    for (int i = 0; i < 40; ++i) {
        tasks.push_back(rt.spawn([&] {
            for (int n = 0; n < 200; ++n) {
                std::scoped_lock lock(m);
                ++count;
            }
        }));
    }
    for (auto& t : tasks) {
        t.join();
    }
    EXPECT_EQ(count, 8'000);
}

TEST(runtime_death, stopped_by_one_of_its_own_threads) {
    EXPECT_DEATH(
        {
            weft::runtime rt(2);
            rt.run([&] { rt.stop(); });
        },
        "runtime_test.cpp:[0-9]+: a weft::runtime was stopped by one of its own threads");
}

TEST(runtime_death, used_after_it_was_stopped) {
    EXPECT_DEATH(
        {
            weft::runtime rt(1);
            rt.stop();
            rt.run([] {});
        },
        "a weft::runtime was used after it was stopped");
}

TEST(runtime_death, joins_a_task_once) {
    weft::runtime rt(1);
    auto task = rt.spawn([] { return 1; });
    EXPECT_EQ(task.join(), 1);
    EXPECT_DEATH((void)task.join({"server.cpp", 9}),
                 "weft: server.cpp:9: join\\(\\) called on an empty weft::remote_task: it was joined");
    auto detached = rt.spawn([] {});
    detached.detach();
    EXPECT_DEATH(detached.join(), "called on an empty weft::remote_task");
}

TEST(runtime, stealing_a_task_does_not_wait_for_a_loop_that_is_held_up) {
    weft::runtime rt({.threads = 2, .steal = true});
    std::latch held(1), release(1);
    auto hog = rt.spawn([&] {
        held.count_down();
        release.wait();  // blocks the thread
        return &weft::loop::current();
    });
    held.wait();
    std::set<weft::loop*> ran_on;
    for (int i = 0; i < 20; ++i) {
        ran_on.insert(rt.spawn([] { return &weft::loop::current(); }).join());
    }
    release.count_down();
    EXPECT_EQ(ran_on.size(), 1U);
    EXPECT_FALSE(ran_on.contains(hog.join()));
}

TEST(runtime, stealing_loops_that_sleep_are_woken_one_for_each_task) {
    weft::runtime rt({.threads = 3, .steal = true});
    for (int round = 0; round < 300; ++round) {
        std::latch all_run(3);
        std::vector<weft::remote_task<void>> tasks;
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(rt.spawn([&] { all_run.arrive_and_wait(); }));  // blocks each of the three threads
        }
        for (auto& t : tasks) {
            t.join();
        }
    }
}

// Whoever offers one sees no loop that sleeps, and wakes none.
TEST(runtime, stealing_loops_that_poll_look_for_tasks_meanwhile) {
    constexpr weft::clock::duration spin = 100s;
    weft::runtime rt({.threads = 2, .steal = true});
    for (unsigned i = 0; i < rt.size(); ++i) {
        rt.spawn_on(i, [&] {
              weft::loop::current().set_spin(spin);
              weft::sleep_for(1ms);  // so that it finds that it pays to poll
          }).join();
    }
    weft::clock::time_point const begin = weft::clock::now();
    for (int i = 0; i < 100; ++i) {
        rt.spawn([] {}).join();
    }
    EXPECT_LT(weft::clock::now() - begin, spin / 2);
}

TEST(runtime, stealing_each_task_is_run_once) {
    constexpr int spawners = 3, tasks_each = 2'000;
    std::atomic<int> runs = 0;
    weft::runtime rt({.threads = 3, .steal = true});
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < spawners; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < tasks_each; ++i) {
                    auto task = rt.spawn([&, i] {
                        if (i % 3 == 0) {
                            weft::yield();
                        }
                        ++runs;
                    });
                    i % 100 == 0 ? task.join() : task.detach();
                }
            });
        }
    }
    rt.stop();
    EXPECT_EQ(runs, spawners * tasks_each);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

// Those that no loop has begun are begun, and cancelled, by whichever comes to it first.
TEST(runtime, stealing_stopping_leaves_no_task_without_an_answer) {
    std::vector<weft::remote_task<int>> tasks;
    {
        weft::runtime rt({.threads = 2, .steal = true});
        std::latch held(2), release(1);
        for (int i = 0; i < 2; ++i) {
            rt.spawn([&] {
                  held.count_down();
                  release.wait();
              }).detach();
        }
        held.wait();
        for (int i = 0; i < 50; ++i) {
            tasks.push_back(rt.spawn([i] {
                if (i % 2 == 0) {
                    weft::sleep_for(1h);
                }
                return i;
            }));
        }
        release.count_down();
    }
    for (int i = 0; i < 50; ++i) {
        try {
            EXPECT_EQ(tasks[static_cast<std::size_t>(i)].join(), i);
            EXPECT_EQ(i % 2, 1);
        } catch (std::system_error const& e) {
            EXPECT_EQ(e.code(), std::errc::operation_canceled);
        }
    }
}

TEST(runtime, a_loop_that_is_held_up_is_reported_where_that_is_asked_for) {
    auto hold_up = [] {
        weft::runtime rt({.threads = 2, .stall_limit = 10ms});
        rt.run([] {
            weft::self().set_name("hog");
            for (auto end = weft::clock::now() + 1s; weft::clock::now() < end;) {
                sched_yield();
            }
        });
        std::exit(0);
    };
    EXPECT_EXIT(hold_up(), testing::ExitedWithCode(0), "held up by coroutine \"hog\"");
}

}  // namespace
