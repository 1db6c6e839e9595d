// Many coroutines at once.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>
#include <weft/coroutine.hpp>

#include "../../bench/crowd.hpp"
#include "../emulated.hpp"
#include "../memory.hpp"
#include "stack/slab.hpp"

#if defined(WEFT_HAS_VALGRIND)
#include <valgrind/valgrind.h>
#endif

namespace {

using weft::coroutine;
using weft_test::stacks_carved;

/// Why fewer of them have to do, and memory is not counted: nullptr in a build as users get it.
char const* instrumented() {
#if defined(WEFT_EMULATED)
    return weft_test::not_under_emulator(weft_test::shared_with_emulator::memory);
#elif defined(WEFT_ASAN)
    return "AddressSanitizer has shadow for each";
#elif defined(WEFT_TSAN)
    return "ThreadSanitizer allows about 8,000 fibers";
#elif defined(WEFT_BACKEND_SIGALTSTACK)
    return "each begins with the frame of a signal, that may take another page";
#elif defined(WEFT_HAS_VALGRIND)
    return RUNNING_ON_VALGRIND != 0 ? "valgrind looks through all stacks at each switch" : nullptr;
#else
    return nullptr;
#endif
}

std::size_t as_many_as_fit(std::size_t wanted) {
    if (instrumented() != nullptr) {
        return std::min<std::size_t>(wanted, 1'000);
    }
    if (weft::detail::best_guard_kind() != weft::detail::guard_kind::markers) {
        return std::min<std::size_t>(wanted, 20'000);  // vm.max_map_count allows about 32,000 guards before Linux 6.13
    }
    if (sizeof(void*) < 8) {
        return std::min<std::size_t>(wanted,
                                     20'000);  // of 64 KiB each: an address space of 32 bits has no room for more
    }
    return std::min(wanted, crowd::available_memory() / 2 / 5'000);
}

TEST(scale, a_hundred_thousand_park_at_once) {
    std::size_t const count = as_many_as_fit(100'000);
    std::size_t ended = 0;
    std::vector<coroutine> all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        all.emplace_back(weft::coroutine_options{.stack_size = 32 * 1024}, [&] {
            weft::yield();
            ++ended;
        });
        all.back().enter();
    }
    EXPECT_EQ(weft::coroutine_count(), count);
    for (auto& co : all) {
        co.enter();
    }
    EXPECT_EQ(ended, count);
    all.clear();
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

constexpr std::size_t much_of_the_stack = weft::default_stack_size / 8 * 5;

[[gnu::noinline]] void touch_much_of_the_stack() {
    char much[much_of_the_stack];
    std::memset(much, 1, sizeof(much));
    asm volatile("" : : "r"(much) : "memory");
}

TEST(scale, idle_stacks_that_were_used_deeply_give_their_pages_back_after_enough_lives) {
    if (instrumented() != nullptr) {
        GTEST_SKIP() << instrumented();
    }
    constexpr std::size_t count = 20;
    {
        std::vector<coroutine> deep;
        for (std::size_t i = 0; i < count; ++i) {
            deep.emplace_back([] { touch_much_of_the_stack(); });
            deep.back().enter();
        }
    }
    std::size_t before = weft_test::resident_bytes();
    for (int i = 0; i < 70'000; ++i) {
        coroutine co([] {});
        co.enter();
    }
    EXPECT_LT(weft_test::resident_bytes(), before - count / 2 * much_of_the_stack);
}

// ---- as many as anyone will want at once, last, because a count looks through all stacks that were ever in use --------

/// The memory is the floor stack's, whatever switches.
#if defined(WEFT_BACKEND_ASM)
constexpr std::size_t very_many = 1'000'000;
#else
constexpr std::size_t very_many = 100'000;
#endif

/// Parks them, asks whether that took at most `bytes_each`, and wakes them in random order.
void live_together(std::size_t stack_size, std::size_t bytes_each) {
    std::size_t count = as_many_as_fit(very_many);
    std::size_t before = crowd::memory::now().bytes();
    crowd::parked all(count, stack_size);
    std::size_t after = crowd::memory::now().bytes();
    EXPECT_EQ(weft::coroutine_count(), count);
    if (instrumented() == nullptr) {
        EXPECT_LE((after - before) / count, bytes_each);
    }
    if (instrumented() == nullptr && weft::detail::best_guard_kind() == weft::detail::guard_kind::markers) {
        EXPECT_LT(crowd::mappings(), 100U);
    }
    all.wake_in_random_order(1);
    EXPECT_EQ(all.ended(), count);
}

TEST(million, takes_less_than_4650_bytes_each) {
    live_together(weft::default_stack_size, 4'650);
}

TEST(million, is_200000_on_two_threads_that_trade_stacks) {
    std::size_t count = as_many_as_fit(very_many / 5) / 2;
    constexpr unsigned rounds = 3;
    std::unique_ptr<crowd::parked> made[2];
    std::size_t carved_at_most[rounds] = {};
    std::size_t ended = 0;
    std::size_t before = crowd::memory::now().bytes();
    std::barrier both(2);
    auto work = [&](unsigned me) {
        for (unsigned round = 0; round < rounds; ++round) {
            made[me] = std::make_unique<crowd::parked>(count, weft::default_stack_size);
            both.arrive_and_wait();
            if (me == 0) {
                carved_at_most[round] = stacks_carved();
                if (instrumented() == nullptr) {
                    EXPECT_LE((crowd::memory::now().bytes() - before) / (2 * count), 5'050U) << "in round " << round;
                }
            }
            both.arrive_and_wait();
            made[1 - me]->wake_in_random_order(round);  // on this thread, and their stacks stay with it
            std::atomic_ref(ended).fetch_add(made[1 - me]->ended());
            made[1 - me].reset();
            both.arrive_and_wait();
        }
    };
    std::thread other(work, 1U);
    work(0);
    other.join();
    EXPECT_EQ(ended, 2 * count * rounds);
    EXPECT_EQ(weft::coroutine_count(), 0U);
    // What one thread keeps for itself, the other has to carve anew: no more than a cache and its spare blocks.
    EXPECT_LE(carved_at_most[rounds - 1], carved_at_most[0] + 2 * (64 + 64));
}

}  // namespace
