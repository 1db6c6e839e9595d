// What can be waited for, used at random by many coroutines of several loops and by plain threads, with limits that are met and
// tasks that are cancelled at any moment; counters prove that nothing is lost and nothing is had twice.
//
//     soak_sync [--seconds N] [--seed N] [--threads N] [--coroutines N]
//
// The seed gives each coroutine the same choices again; in which order the threads make them is the machine's.

#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/task.hpp>

#include "sync_actor.hpp"
#include "sync_world.hpp"

namespace {

using soak::actor;
using soak::place_of_one_loop;
using soak::seed;
using soak::world;

/// One thread's loop: its actors, and what cancels one or the other of them.
void run_loop(world& w, std::uint64_t start, std::size_t count) {
    std::mt19937_64 random(start);
    weft::run([&] {
        place_of_one_loop here(w);
        std::vector<std::unique_ptr<actor>> actors(count);
        std::vector<weft::task<void>> tasks(count);
        auto end = [&](std::size_t i) {
            if (!tasks[i]) {
                return;
            }
            tasks[i].cancel();
            try {
                tasks[i].join();
            } catch (std::system_error const& e) {
                REQUIRE(e.code() == std::errc::operation_canceled);
                w.cancelled.add();
            }
        };
        for (std::size_t i = 0; !w.over.load(std::memory_order_relaxed); i = i + 1 < count ? i + 1 : random() % count) {
            end(i);
            actors[i] = std::make_unique<actor>(w, &here, random());
            tasks[i] = weft::spawn({.stack_size = 64 * 1024}, [a = actors[i].get()] { a->live(); });
            if (random() % 4 == 0) {
                weft::sleep_for(std::chrono::microseconds(random() % 500));
            }
        }
        for (std::size_t i = 0; i < count; ++i) {
            end(i);
        }
        here.stream.finish();
    });
}

constexpr std::uint64_t plain_threads = 2;

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t seconds = 60, threads = 4, coroutines = 1'000;
    soak::read_options(argc, argv, {{"seconds", seconds}, {"threads", threads}, {"coroutines", coroutines}});
    std::printf("soak sync: --seed %" PRIu64 " --threads %" PRIu64 " --coroutines %" PRIu64 "\n", seed, threads,
                coroutines);
    std::fflush(stdout);
    world w;
    std::vector<std::jthread> loops;
    for (std::uint64_t i = 0; i < threads; ++i) {
        loops.emplace_back([&, i] { run_loop(w, seed + i, (coroutines + threads - 1) / threads); });
    }
    for (std::uint64_t i = 0; i < plain_threads; ++i) {
        loops.emplace_back([&, i] { actor(w, nullptr, seed + threads + i).live(); });
    }
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    w.over = true;
    loops.clear();
    soak::check(w);
    std::printf("soak sync: done: %" PRIu64 " operations, %" PRIu64 " given up, %" PRIu64 " tasks cancelled; %" PRIu64
                " locked, %" PRIu64 " written, %" PRIu64 " upgraded, %" PRIu64 " woken, %" PRIu64 " passed, %" PRIu64
                " popped, %" PRIu64 " in values received, %" PRIu64 " bytes, %" PRIu64 " helpers, %" PRIu64 " rung\n",
                w.operations.get(), w.given_up.get(), w.cancelled.get(), w.locked.get(), w.written.get(),
                w.upgraded.get(), w.woken.get(), w.passed.get(), w.pops.get(), w.received.get(), w.bytes.get(),
                w.helpers_ended.get(), w.rung.get());
}
