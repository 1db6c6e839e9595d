// The explorer itself: it finds what is there to be found, and nothing else.

#include "model/explorer.hpp"

#include <gtest/gtest.h>

#include "model/atomic.hpp"

namespace {

using std::memory_order;

// ---- interleavings ----------------------------------------------------------------------------------------------------

struct unguarded_count {
    model::atomic<int> count{0};
    void thread(unsigned) { count.store(count.load(memory_order::acquire) + 1, memory_order::release); }
    void end() { model::expect(count.load() == 2, "both have counted"); }
};

TEST(explorer, finds_an_update_that_is_lost_between_a_load_and_a_store) {
    model::outcome o = model::explore<unguarded_count>({.threads = 2, .deviations = 1});
    EXPECT_EQ(o.failure, "this does not hold: both have counted");
    EXPECT_NE(o.steps.find("explorer_test.cpp"), std::string::npos) << o.steps;
}

TEST(explorer, goes_the_same_way_again_when_it_is_given_the_schedule) {
    model::bounds two{.threads = 2, .deviations = 1};
    model::outcome found = model::explore<unguarded_count>(two);
    model::outcome again = model::replay<unguarded_count>(two, found.schedule);
    EXPECT_EQ(again.failure, found.failure);
    EXPECT_EQ(again.steps, found.steps);
}

TEST(explorer, needs_a_deviation_for_what_the_plain_course_does_not_do) {
    EXPECT_EQ(model::explore<unguarded_count>({.threads = 2, .deviations = 0}).failure, "");
}

struct counted_in_one_step {
    model::atomic<int> count{0};
    void thread(unsigned) { count.fetch_add(1, memory_order::relaxed); }
    void end() { model::expect(count.load() == 3, "all have counted"); }
};

TEST(explorer, finds_nothing_where_there_is_nothing_and_tries_every_order) {
    model::outcome o = model::explore<counted_in_one_step>({.threads = 3, .deviations = 10});
    EXPECT_EQ(o.failure, "");
    EXPECT_GE(o.executions, 6u);  // as many as there are orders of three
}

// ---- the memory model -------------------------------------------------------------------------------------------------

/// Each says something and then looks whether the other has: both may look in vain, unless the four steps are in one order.
template <memory_order Store, memory_order Load>
struct store_and_look {
    model::atomic<int> said[2];
    model::atomic<int> in_vain{0};
    void thread(unsigned me) {
        said[me].store(1, Store);
        if (said[1 - me].load(Load) == 0) {
            in_vain.fetch_add(1);
        }
    }
    void end() { model::expect(in_vain.load() < 2, "one of them has seen the other"); }
};

TEST(explorer, lets_both_of_two_that_store_and_look_be_in_vain_unless_all_is_sequentially_consistent) {
    using enum memory_order;
    EXPECT_NE((model::explore<store_and_look<release, acquire>>().failure), "");
    EXPECT_NE((model::explore<store_and_look<seq_cst, relaxed>>().failure), "");
    EXPECT_EQ((model::explore<store_and_look<seq_cst, seq_cst>>().failure), "");
    EXPECT_NE((model::explore<store_and_look<seq_cst, seq_cst>>({.without_sequential_consistency = true}).failure), "");
}

/// One writes data and says so, the other reads it when it was told.
template <memory_order Store, memory_order Load>
struct handed_over {
    model::plain<int> data{0};
    model::atomic<bool> there{false};
    void thread(unsigned me) {
        if (me == 0) {
            data.write(1);
            there.store(true, Store);
        } else if (there.load(Load)) {
            model::expect(data.read() == 1, "what was told of is there");
        }
    }
    void end() {}
};

TEST(explorer, finds_a_data_race_where_a_release_or_an_acquire_is_missing) {
    using enum memory_order;
    EXPECT_EQ((model::explore<handed_over<release, acquire>>().failure), "");
    for (auto const& o :
         {model::explore<handed_over<relaxed, acquire>>(), model::explore<handed_over<release, relaxed>>()}) {
        EXPECT_EQ(o.failure.substr(0, 11), "a data race") << o.failure;
    }
}

/// What was read once is not read older again.
struct read_twice {
    model::atomic<int> value{0};
    void thread(unsigned me) {
        if (me == 0) {
            value.store(1, memory_order::relaxed);
            value.store(2, memory_order::relaxed);
        } else {
            int first = value.load(memory_order::relaxed);
            model::expect(value.load(memory_order::relaxed) >= first, "values come in the order of their stores");
        }
    }
    void end() {}
};

TEST(explorer, lets_no_thread_read_backwards) {
    EXPECT_EQ(model::explore<read_twice>({.deviations = 5}).failure, "");
}

// ---- waits ------------------------------------------------------------------------------------------------------------

struct waits_for_what_nobody_does {
    model::atomic<bool> flag{false};
    void thread(unsigned) {
        while (!flag.load()) {
            model::wait_for_a_change();
        }
    }
    void end() {}
};

TEST(explorer, finds_a_wait_that_nobody_ends) {
    EXPECT_EQ(model::explore<waits_for_what_nobody_does>().failure,
              "nobody goes on: thread 0 waits for a change, thread 1 waits for a change");
}

struct waits_for_the_other {
    model::atomic<bool> flag{false};
    void thread(unsigned me) {
        if (me == 0) {
            flag.store(true, memory_order::relaxed);
        }
        while (!flag.load(memory_order::relaxed)) {
            model::wait_for_a_change();
        }
    }
    void end() {}
};

TEST(explorer, lets_a_wait_see_the_change_in_the_end) {
    EXPECT_EQ(model::explore<waits_for_the_other>({.deviations = 5}).failure, "");
}

}  // namespace
