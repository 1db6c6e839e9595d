// Entering and leaving a coroutine, and a coroutine's life, beside a plain indirect call, the technique of 2011 and
// Boost.Context.

// glibc's checked longjmp() takes a jump to another stack for a mistake.
#undef _FORTIFY_SOURCE
#include <setjmp.h>
#include <ucontext.h>

#include <benchmark/benchmark.h>

#include <array>
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

// Two stacks that jump to each other, and nothing else: what the ucontext backend is held against. A switch is a function,
// as it was in 2011 and has to be: compilers make no inline one of what calls setjmp(), and its `ret`, which matches no
// call, is most of what the technique costs.
namespace setjmp_pair {

ucontext_t here, there;
jmp_buf enterer, left;
std::array<char, 64 * 1024> memory;

[[gnu::noinline]] void switch_to(jmp_buf& from, jmp_buf& to) {
    if (_setjmp(from) == 0) {
        _longjmp(to, 1);
    }
}

void body() {
    for (;;) {
        ++sink;
        switch_to(left, enterer);
    }
}

}  // namespace setjmp_pair

void bare_setjmp(benchmark::State& state) {
    using namespace setjmp_pair;
    getcontext(&there);
    there.uc_stack.ss_sp = memory.data();
    there.uc_stack.ss_size = memory.size();
    makecontext(&there, body, 0);
    if (_setjmp(enterer) == 0) {
        swapcontext(&here, &there);
    }
    for (auto _ : state) {
        switch_to(enterer, left);
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

/// Many, entered in turn: what the caches say to the stacks' places. (A round is one batch, so that what the benchmark
/// itself does for each iteration is not measured too.)
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
    for (weft::coroutine& co : all) {
        co.enter();
    }
    while (state.KeepRunningBatch(state.range(0))) {
        for (weft::coroutine& co : all) {
            co.enter();
        }
    }
}

BENCHMARK(plain_call);
BENCHMARK(bare_setjmp);
BENCHMARK(weft_pair);
BENCHMARK(weft_pair_nested);
BENCHMARK(weft_life);
BENCHMARK(weft_in_turn)->Arg(1)->Arg(16)->Arg(100)->Arg(1000)->Arg(10000)->Arg(100000);

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
        all.push_back(endless().resume());
    }
    while (state.KeepRunningBatch(state.range(0))) {
        for (context::fiber& f : all) {
            f = std::move(f).resume();
        }
    }
}

BENCHMARK(boost_pair);
BENCHMARK(boost_life);
BENCHMARK(boost_in_turn)->Arg(1)->Arg(16)->Arg(100)->Arg(1000)->Arg(10000)->Arg(100000);
#endif

}  // namespace

BENCHMARK_MAIN();
