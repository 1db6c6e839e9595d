// What QEMU's coroutines promise of creating, entering and yielding, in weft's own terms; the numbers are those of the
// cases that both have been held to. (C13, and the floors above: tests/io/qemu_test.cpp,
// tests/task/qemu_contexts_test.cpp.)

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>
#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;
using state = weft::coroutine_state;

TEST(qemu, C1_one_that_returns_goes_back_to_whoever_entered_it_last_twice_in_a_row) {
    for (int life = 0; life < 2; ++life) {
        std::string order;
        coroutine co([&] {
            order += 'a';
            weft::yield();
            order += 'b';
        });
        coroutine first([&] { co.enter(), order += '1'; });
        coroutine last([&] { co.enter(), order += '2'; });
        first.enter();
        last.enter();
        EXPECT_EQ(order, "a1b2");
        EXPECT_TRUE(co.done());
    }
}

TEST(qemu, C2_five_yields_take_six_enters_and_keep_the_locals) {
    int seen = 0;
    coroutine co([&] {
        for (int i = 1; i <= 5; ++i) {
            int kept = i * i;
            weft::yield();
            seen += kept;
        }
    });
    int enters = 0;
    for (; !co.done(); ++enters) {
        co.enter();
    }
    EXPECT_EQ(enters, 6);
    EXPECT_EQ(seen, 1 + 4 + 9 + 16 + 25);
}

void nest(int levels, int& deepest) {
    deepest = std::max(deepest, levels);
    if (levels < 128) {
        coroutine inner([&] { nest(levels + 1, deepest); });
        inner.enter();
        EXPECT_TRUE(inner.done());
    }
}

TEST(qemu, C3_entering_nests_128_deep) {
    int deepest = 0;
    coroutine outermost([&] { nest(1, deepest); });
    outermost.enter();
    EXPECT_EQ(deepest, 128);
}

TEST(qemu, C4_self_is_the_one_that_was_made_and_a_thread_in_none_can_ask) {
    std::uint64_t inside = 0;
    coroutine co([&] { inside = weft::self().id(); });
    co.enter();
    EXPECT_EQ(inside, co.id());
    EXPECT_FALSE(weft::in_coroutine());
}

TEST(qemu, C5_in_coroutine_tells_inside_from_outside) {
    EXPECT_FALSE(weft::in_coroutine());
    coroutine co([] {
        EXPECT_TRUE(weft::in_coroutine());
        weft::yield();
        EXPECT_TRUE(weft::in_coroutine());
    });
    co.enter();
    EXPECT_FALSE(weft::in_coroutine());
    co.enter();
    EXPECT_FALSE(weft::in_coroutine());
}

TEST(qemu, C6_outside_and_inside_take_turns) {
    std::string order = "o1 ";
    coroutine co([&] {
        order += "i1 ";
        weft::yield();
        order += "i2 ";
    });
    co.enter();
    order += "o2 ";
    co.enter();
    order += "o3";
    EXPECT_EQ(order, "o1 i1 o2 i2 o3");
}

TEST(qemu, C7_those_that_have_entered_the_running_one_are_running_too) {
    coroutine inner;
    coroutine outer([&] {
        inner.enter();
        weft::yield();
    });
    inner = coroutine([&] {
        EXPECT_EQ(outer.state(), state::running);
        EXPECT_EQ(inner.state(), state::running);
        weft::yield();
    });
    EXPECT_EQ(outer.state(), state::suspended);
    outer.enter();
    EXPECT_EQ(outer.state(), state::suspended);
    EXPECT_EQ(inner.state(), state::suspended);
}

TEST(qemu, C8_one_that_may_run_already_is_entered_if_its_state_says_that_it_is_suspended) {
    auto enter_if_inactive = [](coroutine& co) {
        if (co.state() == state::suspended) {
            co.enter();
        }
    };
    int entered = 0;
    coroutine co;
    co = coroutine([&] {
        ++entered;
        enter_if_inactive(co);
    });
    enter_if_inactive(co);
    EXPECT_EQ(entered, 1);
    EXPECT_TRUE(co.done());
}

TEST(qemu, C9_nothing_of_an_enterer_that_has_gone_is_touched) {
    bool ended = false;
    coroutine c2([&] {
        weft::yield();
        ended = true;
    });
    auto c1 = std::make_unique<coroutine>([&] { c2.enter(); });
    c1->enter();
    c1.reset();
    // Another lives on its stack now, and writes all over it.
    coroutine([] {
        std::array<char, (weft::default_stack_size - weft::stack_guard_size) / 2> overwritten;
        std::memset(overwritten.data(), 0xaa, sizeof overwritten);
        asm volatile("" : : "r"(overwritten.data()) : "memory");
    }).enter();
    c2.enter();
    EXPECT_TRUE(ended);
}

// C10, what ends the program: coroutine_death in misuse_test.cpp (entering one that runs, or waits; yielding outside),
// task_death.entering_by_hand_one_that_is_queued, and mutex_death.held_by_a_coroutine_that_ends (debug builds).

TEST(qemu, C11_each_part_may_run_on_another_thread) {
    std::thread::id runs_on;
    std::set<std::thread::id> seen;
    std::vector<std::thread> threads;  // joined at the end, so that each has an id of its own
    coroutine co([&] {
        for (int i = 0; i < 3; ++i) {
            seen.insert(runs_on);
            weft::yield();
        }
    });
    while (!co.done()) {
        std::promise<void> entered;
        threads.emplace_back([&] {
            runs_on = std::this_thread::get_id();
            co.enter();
            entered.set_value();
        });
        entered.get_future().wait();
    }
    std::ranges::for_each(threads, &std::thread::join);
    EXPECT_EQ(threads.size(), 4U);
    EXPECT_EQ(seen.size(), 3U);
}

TEST(qemu, C12_what_a_thread_kept_in_its_pool_goes_to_others_when_it_ends) {
    constexpr std::size_t at_once = 10;
    auto stacks_of_a_thread = [] {
        std::set<void*> stacks;
        std::thread([&] {
            std::vector<coroutine> all;
            for (std::size_t i = 0; i < at_once; ++i) {
                all.emplace_back([&] { stacks.insert(__builtin_frame_address(0)); });
                all.back().enter();
            }
        }).join();
        return stacks;
    };
    std::set<void*> first = stacks_of_a_thread();
    EXPECT_EQ(first.size(), at_once);
    EXPECT_EQ(stacks_of_a_thread(), first);
}

}  // namespace
