// The orderly stop of a runtime's loops, in every order of its steps: the library's way, and ways that lose a task.

#include <gtest/gtest.h>

#include <utility>

#include "model/finds_nothing.hpp"
#include "model/mutants.hpp"
#include "model/runtime_worlds.hpp"

namespace {

using model::as_the_library_stops;
using model::finds_nothing;
using model::is_found;
using weft::detail::runtime_loop;

// These worlds have some 300 steps, so a deviation more takes 250 times as long. Without one, every order is tried in which the
// threads sleep and wake each other.
model::bounds const no_deviation{.threads = 3, .deviations = 0};
model::bounds const one_deviation{.threads = 3, .deviations = 1};

TEST(runtime, stops_while_a_task_goes_to_another_loop_to_clean_up_and_leaves_one_there) {
    finds_nothing<model::cleans_up_elsewhere<as_the_library_stops, 2>>(no_deviation);
    finds_nothing<model::cleans_up_elsewhere<as_the_library_stops, 3>>(no_deviation);
}
TEST(runtime, stops_while_a_task_ends_on_another_loop_than_its_own) {
    finds_nothing<model::ends_while_stopped<as_the_library_stops>>(one_deviation);
}
TEST(runtime, stops_while_a_task_waits_for_one_of_another_loop) {
    finds_nothing<model::waits_for_the_other<as_the_library_stops>>(no_deviation);
}

TEST(runtime, begins_what_is_offered_while_its_loop_falls_asleep) {
    finds_nothing<model::begins_what_is_offered>({.threads = 2, .deviations = 3});
}

TEST(runtime, begins_a_second_task_while_the_first_holds_up_its_loop) {
    finds_nothing<model::begins_two_at_once>({.threads = 3, .deviations = 1});
}

// ---- bugs ---------------------------------------------------------------------------------------------------------------

void end_all(runtime_loop* first) {
    for (runtime_loop* l = first; l != nullptr; l = l->next) {
        l->end();
    }
}

template <unsigned Rounds>
struct stops_after {
    static void stop(runtime_loop* first) {
        for (unsigned round = 0; round < Rounds; ++round) {
            for (runtime_loop* l = first; l != nullptr; l = l->next) {
                l->ask();
            }
            for (runtime_loop* l = first; l != nullptr; l = l->next) {
                (void)l->answer();
            }
        }
        end_all(first);
    }
};

struct asks_in_turn {
    static void stop(runtime_loop* first) {
        std::uint64_t before = 0;
        for (std::uint64_t now = 1; std::exchange(before, now) != now;) {
            now = 0;
            for (runtime_loop* l = first; l != nullptr; l = l->next) {
                l->ask();
                now += l->answer();
            }
        }
        end_all(first);
    }
};

TEST(bug, a_runtime_that_ends_its_loops_without_asking_them_is_found) {
    EXPECT_TRUE((is_found<model::cleans_up_elsewhere<stops_after<0>, 1>>(no_deviation)));
}
TEST(bug, a_runtime_that_asks_its_loops_once_is_found) {
    EXPECT_TRUE((is_found<model::cleans_up_elsewhere<stops_after<1>, 2>>(no_deviation)));
}
TEST(bug, a_runtime_that_asks_its_loops_twice_and_does_not_count_is_found) {
    EXPECT_TRUE((is_found<model::cleans_up_elsewhere<stops_after<2>, 3>>(no_deviation)));
}
TEST(bug, a_runtime_that_asks_one_loop_after_the_other_is_found) {
    EXPECT_EQ(model::explore<model::waits_for_the_other<asks_in_turn>>(no_deviation).failure,
              "nobody goes on: thread 0 sleeps, thread 1 sleeps, thread 2 sleeps");
}

using ends_elsewhere = model::ends_while_stopped<as_the_library_stops>;

/// Without one of the two, a loop ends under a task that is on its way to it, or waits for ever for one that has left.
TEST(mutant, of_a_loop_s_count_of_its_guests_is_found) {
    model::mutants found = model::put_into<ends_elsewhere>("loop_access.hpp", no_deviation);
    EXPECT_EQ(found.left_out, 2U);
    EXPECT_EQ(found.left_out_found, 2U);
}
TEST(mutant, of_what_a_runtime_posts_to_its_loops_is_found) {
    model::finds_some_of_both<ends_elsewhere>("loop.cpp", no_deviation);
}
TEST(mutant, of_a_move_between_the_loops_of_a_runtime_is_found) {
    model::finds_some_of_both<ends_elsewhere>("executor.hpp", no_deviation);
}
TEST(mutant, of_what_a_runtime_s_loops_answer_is_found) {
    model::finds_some_of_both<ends_elsewhere>("waiter.hpp", no_deviation);
}

TEST(mutant, of_what_is_offered_to_the_loops_of_a_runtime_is_found) {
    model::finds_some_of_both<model::begins_what_is_offered>("offered_tasks.hpp", {.threads = 2, .deviations = 2});
}

}  // namespace
