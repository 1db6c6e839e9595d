#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>
#include <weft/loop.hpp>

namespace {

using namespace std::chrono_literals;

TEST(timer_heap, hands_out_shuffled_timers_in_order_of_their_deadlines) {
    std::vector<int> deadlines(1'000);
    std::iota(deadlines.begin(), deadlines.end(), 0);
    std::shuffle(deadlines.begin(), deadlines.end(), std::mt19937(1));
    std::vector<weft::timer> timers(deadlines.size());
    weft::detail::timer_heap heap;
    for (std::size_t i = 0; i < timers.size(); ++i) {
        heap.arm(timers[i], weft::clock::time_point(deadlines[i] * 1ms));
    }
    std::vector<weft::clock::time_point> popped;
    while (!heap.empty()) {
        popped.push_back(heap.pop().when);
    }
    EXPECT_EQ(popped.size(), timers.size());
    EXPECT_TRUE(std::is_sorted(popped.begin(), popped.end()));
}

TEST(timer_heap, stays_in_order_while_timers_are_disarmed_from_its_middle) {
    std::mt19937 random(2);
    std::vector<weft::timer> timers(1'000);
    weft::detail::timer_heap heap;
    for (weft::timer& t : timers) {
        heap.arm(t, weft::clock::time_point((random() % 500) * 1ms));
    }
    std::size_t left = timers.size();
    for (weft::timer& t : timers) {
        if (random() % 2 == 0) {
            heap.disarm(t);
            EXPECT_FALSE(t.armed());
            --left;
        }
    }
    std::vector<weft::clock::time_point> popped;
    while (!heap.empty()) {
        popped.push_back(heap.pop().when);
    }
    EXPECT_EQ(popped.size(), left);
    EXPECT_TRUE(std::is_sorted(popped.begin(), popped.end()));
}

TEST(timer_heap, is_empty_after_a_million_were_armed_and_disarmed) {
    std::mt19937 random(3);
    std::vector<weft::timer> timers(1'000);
    weft::detail::timer_heap heap;
    for (int round = 0; round < 1'000; ++round) {
        for (weft::timer& t : timers) {
            heap.arm(t, weft::clock::time_point((random() % 10'000) * 1us));
        }
        for (weft::timer& t : timers) {
            heap.disarm(t);
        }
    }
    EXPECT_TRUE(heap.empty());
    EXPECT_TRUE(std::none_of(timers.begin(), timers.end(), [](weft::timer const& t) { return t.armed(); }));
}

TEST(timer_heap, keeps_a_million_at_once_in_order_while_half_of_them_are_disarmed) {
    std::mt19937 random(4);
    std::vector<weft::timer> timers(1'000'000);
    weft::detail::timer_heap heap;
    for (weft::timer& t : timers) {
        heap.arm(t, weft::clock::time_point((random() % 100'000'000) * 1us));
    }
    std::size_t left = timers.size();
    for (weft::timer& t : timers) {
        if (random() % 2 == 0) {
            heap.disarm(t);
            --left;
        }
    }
    weft::clock::time_point last{};
    bool in_order = true;
    for (; !heap.empty(); --left) {
        weft::timer& t = heap.pop();
        in_order = in_order && last <= t.when && !t.armed();
        last = t.when;
    }
    EXPECT_EQ(left, 0U);
    EXPECT_TRUE(in_order);
}

TEST(timer_heap, arming_an_armed_timer_moves_it) {
    weft::timer moved;
    weft::timer other;
    weft::detail::timer_heap heap;
    heap.arm(moved, weft::clock::time_point(1ms));
    heap.arm(other, weft::clock::time_point(2ms));
    heap.arm(moved, weft::clock::time_point(3ms));
    EXPECT_EQ(&heap.pop(), &other);
    EXPECT_EQ(&heap.pop(), &moved);
    EXPECT_TRUE(heap.empty());
}

TEST(timer_heap, disarming_what_is_not_armed_does_nothing) {
    weft::timer armed;
    weft::timer never_armed;
    weft::detail::timer_heap heap;
    heap.arm(armed, weft::clock::time_point(1ms));
    heap.disarm(never_armed);
    EXPECT_EQ(heap.first(), weft::clock::time_point(1ms));
}

TEST(timer_heap_death, names_a_timer_that_was_moved_while_it_was_armed) {
    weft::detail::timer_heap heap;
    weft::timer t;
    heap.arm(t, weft::clock::time_point(1ms));
    weft::timer moved = t;
    EXPECT_DEATH(heap.disarm(moved), "weft: .*: expected an armed timer to be where it was armed; found 0x");
    heap.disarm(t);
}

}  // namespace
