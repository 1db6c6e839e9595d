// The C face: what core.cpp measures in C++, through weft.h, and through QEMU's header as QEMU's own tests of speed have it.

#include <benchmark/benchmark.h>

#include <weft/weft.h>

#include "qemu/coroutine.h"

namespace {

std::uint64_t sink;

void yield_for_ever(void*) {
    for (;;) {
        ++sink;
        weft_yield();
    }
}

void c_pair(benchmark::State& state) {
    weft_coroutine* co = weft_create(yield_for_ever, nullptr);
    for (auto _ : state) {
        weft_enter(co);
    }
    weft_destroy(co);
}

void c_pair_nested(benchmark::State& state) {
    weft_coroutine* outer = weft_create([](void* s) { c_pair(*static_cast<benchmark::State*>(s)); }, &state);
    weft_enter(outer);
    weft_destroy(outer);
}

void count(void*) {
    ++sink;
}

void c_life(benchmark::State& state) {
    for (auto _ : state) {
        weft_coroutine* co = weft_create(count, nullptr);
        weft_enter(co);
        weft_destroy(co);
    }
}

void c_yield_once(void*) {
    weft_yield();
}

void c_create_enter_yield_enter(benchmark::State& state) {
    for (auto _ : state) {
        weft_coroutine* co = weft_create(c_yield_once, nullptr);
        weft_enter(co);
        weft_enter(co);
        weft_destroy(co);
    }
}

constexpr int depth = 1000;

void c_enter_the_next(void* entered) {
    if (++*static_cast<int*>(entered) < depth) {
        weft_coroutine* next = weft_create(c_enter_the_next, entered);
        weft_enter(next);
        weft_destroy(next);
    }
}

/// A level of them.
void c_nesting(benchmark::State& state) {
    while (state.KeepRunningBatch(depth)) {
        int entered = 0;
        weft_coroutine* first = weft_create(c_enter_the_next, &entered);
        weft_enter(first);
        weft_destroy(first);
    }
}

bool more;

void yield_while_there_is_more(void*) {
    while (more) {
        ++sink;
        qemu_coroutine_yield();
    }
}

void qemu_pair(benchmark::State& state) {
    more = true;
    Coroutine* co = qemu_coroutine_create(yield_while_there_is_more, nullptr);
    for (auto _ : state) {
        qemu_coroutine_enter(co);
    }
    more = false;
    qemu_coroutine_enter(co);
}

void qemu_life(benchmark::State& state) {
    for (auto _ : state) {
        qemu_coroutine_enter(qemu_coroutine_create(count, nullptr));
    }
}

void yield_once(void*) {
    qemu_coroutine_yield();
}

void qemu_create_enter_yield_enter(benchmark::State& state) {
    for (auto _ : state) {
        Coroutine* co = qemu_coroutine_create(yield_once, nullptr);
        qemu_coroutine_enter(co);
        qemu_coroutine_enter(co);
    }
}

void enter_the_next(void* entered) {
    if (++*static_cast<int*>(entered) < depth) {
        qemu_coroutine_enter(qemu_coroutine_create(enter_the_next, entered));
    }
}

/// A level of them.
void qemu_nesting(benchmark::State& state) {
    while (state.KeepRunningBatch(depth)) {
        int entered = 0;
        qemu_coroutine_enter(qemu_coroutine_create(enter_the_next, &entered));
    }
}

BENCHMARK(c_pair);
BENCHMARK(c_pair_nested);
BENCHMARK(c_life);
BENCHMARK(c_create_enter_yield_enter);
BENCHMARK(c_nesting);
BENCHMARK(qemu_pair);
BENCHMARK(qemu_life);
BENCHMARK(qemu_create_enter_yield_enter);
BENCHMARK(qemu_nesting);

}  // namespace
