// What goes through a scheduler: yields, tasks, channels, mutexes, timers; beside Boost.Fiber and libuv. (Go's part is
// sync.go.) The growth_... rows do the same among more and more others.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <vector>
#include <weft/channel.hpp>
#include <weft/mutex.hpp>
#include <weft/runtime.hpp>
#include <weft/task.hpp>
#include <weft/wait_queue.hpp>

#if WEFT_BENCH_BOOST_FIBER
#include <boost/fiber/all.hpp>
#endif
#if WEFT_BENCH_LIBUV
#include <uv.h>
#endif

namespace {

using namespace std::chrono_literals;

constexpr weft::coroutine_options small{.stack_size = 32 * 1024};

// ---- weft -----------------------------------------------------------------------------------------------------------

/// So many tasks that only yield, the measuring one among them.
void weft_yield(benchmark::State& state) {
    weft::run([&] {
        bool over = false;
        weft::scope others;
        for (std::int64_t i = 1; i < state.range(0); ++i) {
            others.spawn(small, [&] {
                while (!over) {
                    weft::yield();
                }
            });
        }
        weft::yield();
        while (state.KeepRunningBatch(state.range(0))) {
            weft::yield();
        }
        over = true;
        others.join();
    });
}

void weft_spawn_join(benchmark::State& state) {
    weft::run([&] {
        for (auto _ : state) {
            weft::spawn([] {}).join();
        }
    });
}

/// A task of the other loop's is started and joined; both spin as in weft_ping_pong_two_loops.
void weft_spawn_join_two_loops(benchmark::State& state, weft::clock::duration spin) {
    weft::runtime rt(2);
    rt.spawn_on(1, [&] { weft::loop::current().set_spin(spin); }).join();
    rt.spawn_on(0, [&] {
          weft::loop::current().set_spin(spin);
          for (auto _ : state) {
              rt.spawn_on(1, [] {}).join();
          }
      }).join();
}

/// A task goes to the other loop and back.
void weft_move_two_loops(benchmark::State& state, weft::clock::duration spin) {
    weft::runtime rt(2);
    rt.spawn_on(1, [&] { weft::loop::current().set_spin(spin); }).join();
    rt.spawn_on(0, [&] {
          weft::loop::current().set_spin(spin);
          for (auto _ : state) {
              weft::move_to(rt.at(1));
              weft::move_to(rt.at(0));
          }
      }).join();
}

/// 64 tasks on two loops, of which a few compute for much longer than the others. Which: by chance, the same in each round.
void weft_uneven_tasks(benchmark::State& state, bool steal) {
    constexpr int tasks = 64;
    weft::runtime rt({.threads = 2, .steal = steal});
    std::mt19937 random(7);
    std::vector<weft::clock::duration> work(tasks);
    std::ranges::generate(work, [&] { return random() % 8 == 0 ? 500us : 20us; });
    for (auto _ : state) {
        std::vector<weft::remote_task<void>> started;
        for (auto const& time : work) {
            started.push_back(rt.spawn([&time] {
                for (auto end = weft::clock::now() + time; weft::clock::now() < end;) {
                }
            }));
        }
        for (auto& task : started) {
            task.join();
        }
    }
}

void weft_channel(benchmark::State& state) {
    weft::run([&] {
        weft::channel<int> values;
        auto receiver = weft::spawn([&] {
            for (int v : values) {
                benchmark::DoNotOptimize(v);
            }
        });
        for (auto _ : state) {
            (void)values.send(1);
        }
        values.close();
        receiver.join();
    });
}

void weft_mutex(benchmark::State& state) {
    weft::run([&] {
        weft::mutex m;
        for (auto _ : state) {
            m.lock();
            m.unlock();
        }
    });
}

/// For scale: what a lock can't do without.
void two_compare_and_swaps(benchmark::State& state) {
    std::atomic<int> locked{0};
    for (auto _ : state) {
        int expected = 0;
        (void)locked.compare_exchange_strong(expected, 1, std::memory_order_acquire);
        expected = 1;
        (void)locked.compare_exchange_strong(expected, 0, std::memory_order_release);
    }
}

/// Does `other` on a loop of another thread for as long as `mine` runs on this one's.
template <class Mine, class Other>
void on_two_loops(Mine mine, Other other) {
    std::jthread second([&] { weft::run(other); });
    weft::run(mine);
}

/// Each of the two does half of all: what counts is how long all takes, whoever is faster.
void weft_mutex_two_loops(benchmark::State& state) {
    weft::mutex m;
    std::uint64_t count = 0;
    while (state.KeepRunningBatch(state.max_iterations)) {
        auto half = [&, times = state.max_iterations / 2] {
            for (benchmark::IterationCount i = 0; i < times; ++i) {
                std::scoped_lock lock(m);
                ++count;
            }
        };
        on_two_loops(half, half);
    }
}

/// `spin`: how long a loop looks for work before it sleeps (see loop::set_spin()). What Go's threads do by themselves.
void weft_ping_pong_two_loops(benchmark::State& state, weft::clock::duration spin) {
    weft::channel<int> to, back;
    on_two_loops(
        [&] {
            weft::loop::current().set_spin(spin);
            for (auto _ : state) {
                (void)to.send(1);
                (void)back.receive();
            }
            to.close();
            weft::loop::current().set_spin(0s);
        },
        [&] {
            weft::loop::current().set_spin(spin);
            for (int v : to) {
                (void)back.send(v);
            }
        });
}

/// Deadlines that no run lives to see.
std::vector<weft::clock::duration> deadlines(std::size_t count) {
    std::minstd_rand random(1);
    std::vector<weft::clock::duration> all(count);
    for (auto& d : all) {
        d = 1h + std::chrono::microseconds(random());
    }
    return all;
}

constexpr std::size_t many = 1'000'000;

/// Arms and disarms one timer while `state.range(0)` others are armed.
void weft_timer(benchmark::State& state) {
    weft::loop& here = weft::loop::current();
    auto when = deadlines(many);
    std::vector<weft::timer> others(static_cast<std::size_t>(state.range(0)));
    auto now = weft::clock::now();
    for (std::size_t i = 0; i < others.size(); ++i) {
        here.arm(others[i], now + when[i]);
    }
    weft::timer t;
    std::size_t i = 0;
    for (auto _ : state) {
        here.arm(t, now + when[i++ % many]);
        here.disarm(t);
    }
    for (weft::timer& o : others) {
        here.disarm(o);
    }
}

// ---- among more and more others -------------------------------------------------------------------------------------

/// Wakes the first of `state.range(0)` that wait, which then waits again.
void growth_waiters(benchmark::State& state) {
    weft::run([&] {
        weft::wait_queue queue;
        weft::scope all;
        bool over = false;
        for (std::int64_t i = 0; i < state.range(0); ++i) {
            all.spawn(small, [&] {
                while (!over) {
                    queue.wait();
                }
            });
        }
        weft::yield();
        while (queue.empty()) {
            weft::yield();
        }
        for (auto _ : state) {
            queue.wake_one();
            weft::yield();
        }
        over = true;
        queue.wake_all();
        all.join();
    });
}

/// Sends to the first of `state.range(0)` that wait for a value, which then waits again.
void growth_receivers(benchmark::State& state) {
    weft::run([&] {
        weft::channel<int> values;
        weft::scope all;
        for (std::int64_t i = 0; i < state.range(0); ++i) {
            all.spawn(small, [&] {
                for (int v : values) {
                    benchmark::DoNotOptimize(v);
                }
            });
        }
        weft::spawn([] {}).join();  // behind them all: they wait
        for (auto _ : state) {
            (void)values.send(1);
            weft::yield();
        }
        values.close();
        all.join();
    });
}

/// `state.range(0)` others want the same lock: each hands it over to the next, and comes again.
void growth_lockers(benchmark::State& state) {
    weft::run([&] {
        weft::mutex m;
        weft::scope all;
        bool over = false;
        for (std::int64_t i = 0; i < state.range(0); ++i) {
            all.spawn(small, [&] {
                while (!over) {
                    std::scoped_lock lock(m);
                    weft::yield();
                }
            });
        }
        m.lock();
        weft::spawn([] {}).join();  // behind them all: they wait
        m.unlock();
        while (state.KeepRunningBatch(state.range(0) + 1)) {
            std::scoped_lock lock(m);
        }
        over = true;
        all.join();
    });
}

/// Starts and joins a task while there are `state.range(0)` that wait.
void growth_tasks(benchmark::State& state) {
    weft::run([&] {
        weft::wait_queue queue;
        weft::scope all;
        for (std::int64_t i = 0; i < state.range(0); ++i) {
            all.spawn(small, [&] { queue.wait(); });
        }
        weft::yield();
        for (auto _ : state) {
            weft::spawn(small, [] {}).join();
        }
        queue.wake_all();
        all.join();
    });
}

BENCHMARK(weft_yield)->Arg(2)->Arg(100)->Arg(10'000)->Arg(100'000)->UseRealTime();
BENCHMARK(weft_spawn_join)->UseRealTime();
BENCHMARK(weft_channel)->UseRealTime();
BENCHMARK(weft_mutex)->UseRealTime();
BENCHMARK(two_compare_and_swaps)->UseRealTime();
BENCHMARK(weft_mutex_two_loops)->UseRealTime();
BENCHMARK_CAPTURE(weft_ping_pong_two_loops, sleeps, 0s)->UseRealTime();
BENCHMARK_CAPTURE(weft_ping_pong_two_loops, spins, 50us)->UseRealTime();
BENCHMARK_CAPTURE(weft_spawn_join_two_loops, sleeps, 0s)->UseRealTime();
BENCHMARK_CAPTURE(weft_spawn_join_two_loops, spins, 50us)->UseRealTime();
BENCHMARK_CAPTURE(weft_uneven_tasks, in_turn, false)->UseRealTime();
BENCHMARK_CAPTURE(weft_uneven_tasks, stolen, true)->UseRealTime();
BENCHMARK_CAPTURE(weft_move_two_loops, spins, 50us)->UseRealTime();
// A million take a while to make. So how often these are measured is said here, and not found out with a new crowd for each try.
BENCHMARK(weft_timer)->Arg(many)->Iterations(many)->UseRealTime();
void among_more_and_more(benchmark::internal::Benchmark* row) {
    row->RangeMultiplier(10)->Range(1, many)->Iterations(2 * (many + 1))->UseRealTime();
}
BENCHMARK(weft_timer)->Name("growth_timers")->Apply(among_more_and_more);
BENCHMARK(growth_waiters)->Apply(among_more_and_more);
BENCHMARK(growth_receivers)->Apply(among_more_and_more);
BENCHMARK(growth_lockers)->Apply(among_more_and_more);
BENCHMARK(growth_tasks)->Apply(among_more_and_more);

// ---- Boost.Fiber ----------------------------------------------------------------------------------------------------

#if WEFT_BENCH_BOOST_FIBER
namespace fibers = boost::fibers;

void boost_yield(benchmark::State& state) {
    bool over = false;
    fibers::fiber other([&] {
        while (!over) {
            boost::this_fiber::yield();
        }
    });
    while (state.KeepRunningBatch(2)) {
        boost::this_fiber::yield();
    }
    over = true;
    other.join();
}

void boost_spawn_join(benchmark::State& state) {
    fibers::pooled_fixedsize_stack pool(64 * 1024);
    for (auto _ : state) {
        fibers::fiber(std::allocator_arg, pool, [] {}).join();
    }
}

void boost_channel(benchmark::State& state) {
    fibers::unbuffered_channel<int> values;
    fibers::fiber receiver([&] {
        for (int v : values) {
            benchmark::DoNotOptimize(v);
        }
    });
    for (auto _ : state) {
        values.push(1);
    }
    values.close();
    receiver.join();
}

void boost_mutex(benchmark::State& state) {
    fibers::mutex m;
    for (auto _ : state) {
        m.lock();
        m.unlock();
    }
}

BENCHMARK(boost_yield)->UseRealTime();
BENCHMARK(boost_spawn_join)->UseRealTime();
BENCHMARK(boost_channel)->UseRealTime();
BENCHMARK(boost_mutex)->UseRealTime();
#endif

// ---- libuv ----------------------------------------------------------------------------------------------------------

#if WEFT_BENCH_LIBUV
void libuv_timer(benchmark::State& state) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    auto when = deadlines(many);
    auto milliseconds = [&](std::size_t i) {
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(when[i]).count());
    };
    std::deque<uv_timer_t> others(static_cast<std::size_t>(state.range(0)));
    for (std::size_t i = 0; i < others.size(); ++i) {
        uv_timer_init(&loop, &others[i]);
        uv_timer_start(
            &others[i], [](uv_timer_t*) {}, milliseconds(i), 0);
    }
    uv_timer_t t;
    uv_timer_init(&loop, &t);
    std::size_t i = 0;
    for (auto _ : state) {
        uv_timer_start(
            &t, [](uv_timer_t*) {}, milliseconds(i++ % many), 0);
        uv_timer_stop(&t);
    }
    for (uv_timer_t& o : others) {
        uv_close(reinterpret_cast<uv_handle_t*>(&o), nullptr);
    }
    uv_close(reinterpret_cast<uv_handle_t*>(&t), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

BENCHMARK(libuv_timer)->Arg(many)->Iterations(many)->UseRealTime();
#endif

}  // namespace

BENCHMARK_MAIN();
