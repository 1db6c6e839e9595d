// Entering and leaving a coroutine, and a coroutine's life, beside a plain indirect call and Boost.Context.

#include <benchmark/benchmark.h>

#include <memory>
#include <vector>
#include <weft/coroutine.hpp>

#if WEFT_BENCH_BOOST_CONTEXT
#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#endif

namespace {

std::uint64_t sink;

[[gnu::noinline]] void plain() {
    ++sink;
    asm volatile("" : : : "memory");
}

void plain_call(benchmark::State& state) {
    void (*volatile function)() = plain;
    for (auto _ : state) {
        function();
    }
}

void weft_pair(benchmark::State& state) {
    weft::coroutine co([] {
        for (;;) {
            ++sink;
            weft::yield();
        }
    });
    for (auto _ : state) {
        co.enter();
    }
}

void weft_pair_nested(benchmark::State& state) {
    weft::coroutine outer([&state] { weft_pair(state); });
    outer.enter();
}

void weft_life(benchmark::State& state) {
    for (auto _ : state) {
        weft::coroutine co([] { ++sink; });
        co.enter();
    }
}

/// Many, entered in turn: what the caches say to the stacks' places.
void weft_in_turn(benchmark::State& state) {
    std::vector<weft::coroutine> all;
    weft::coroutine_options options{.stack_size = 64 * 1024};
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        all.emplace_back(options, [] {
            for (;;) {
                ++sink;
                weft::yield();
            }
        });
    }
    std::size_t next = 0;
    for (auto _ : state) {
        all[next].enter();
        next = next + 1 == all.size() ? 0 : next + 1;
    }
}

BENCHMARK(plain_call);
BENCHMARK(weft_pair);
BENCHMARK(weft_pair_nested);
BENCHMARK(weft_life);
BENCHMARK(weft_in_turn)->Arg(16)->Arg(100)->Arg(1000)->Arg(10000);

#if WEFT_BENCH_BOOST_CONTEXT
namespace context = boost::context;

context::fiber endless() {
    return context::fiber(std::allocator_arg, context::fixedsize_stack(64 * 1024), [](context::fiber&& back) {
        for (;;) {
            ++sink;
            back = std::move(back).resume();
        }
        return std::move(back);
    });
}

void boost_pair(benchmark::State& state) {
    context::fiber f = endless();
    for (auto _ : state) {
        f = std::move(f).resume();
    }
}

void boost_life(benchmark::State& state) {
    context::pooled_fixedsize_stack pool(64 * 1024);
    for (auto _ : state) {
        context::fiber f(std::allocator_arg, pool, [](context::fiber&& back) {
            ++sink;
            return std::move(back);
        });
        f = std::move(f).resume();
    }
}

void boost_in_turn(benchmark::State& state) {
    std::vector<context::fiber> all;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        all.push_back(endless());
    }
    std::size_t next = 0;
    for (auto _ : state) {
        all[next] = std::move(all[next]).resume();
        next = next + 1 == all.size() ? 0 : next + 1;
    }
}

BENCHMARK(boost_pair);
BENCHMARK(boost_life);
BENCHMARK(boost_in_turn)->Arg(16)->Arg(100)->Arg(1000)->Arg(10000);
#endif

}  // namespace

BENCHMARK_MAIN();
