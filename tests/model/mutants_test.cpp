// Bugs that are put into the library's own code: an order that is weakened, a step that is left out, at each line of a
// file in turn. Of each part the explorer finds some of both kinds; which, the test prints. Not all can be found: an order
// may be stronger than these worlds need it, and a step that only spares somebody work is missed by nobody.

#include <gtest/gtest.h>

#include <optional>
#include <stop_token>
#include <weft/event.hpp>
#include <weft/limit.hpp>
#include <weft/loop.hpp>
#include <weft/mutex.hpp>
#include <weft/task.hpp>
#include <weft/wait_queue.hpp>

#include "model/atomic.hpp"
#include "model/channel_worlds.hpp"
#include "model/mutants.hpp"
#include "model/mutex_counts.hpp"
#include "model/reactor.hpp"
#include "model/shared_mutex_parts.hpp"

namespace {

using model::finds_some_of_both;

/// Whoever has woken the waiter destroys the queue; a third tells the waiter to stop.
struct waits_or_stops {
    std::optional<weft::wait_queue> queue{std::in_place};
    std::stop_source stop;
    model::atomic<bool> gone{false};
    model::plain<int> data{0};
    bool woken = false;
    void thread(unsigned me) {
        if (me == 0) {
            bool passed = weft::within(stop.get_token(), [this] { queue->wait(); });
            if (passed) {
                model::expect(data.read() == 1, "what came before the wake-up is there");
            }
            gone.store(true, std::memory_order_release);
            model::expect(passed || !woken, "a wake-up that was given was not lost");
        } else if (me == 1) {
            data.write(1);
            while (!(woken = queue->wake_one()) && !gone.load(std::memory_order_acquire)) {
                model::wait_for_a_change();
            }
            queue.reset();
        } else {
            (void)stop.request_stop();
        }
    }
    void end() {}
};

TEST(mutant, of_the_outcome_word_is_found_with_two_threads) {
    finds_some_of_both<waits_or_stops>("waiter.hpp", {.threads = 2, .deviations = 3});
}
TEST(mutant, of_the_outcome_word_is_found_with_three_threads) {
    finds_some_of_both<waits_or_stops>("waiter.hpp", {.threads = 3, .deviations = 1});
}

TEST(mutant, of_the_mutex_is_found_with_two_threads) {
    finds_some_of_both<model::mutex_counts>("mutex.hpp", {.threads = 2, .deviations = 3});
}
TEST(mutant, of_the_mutex_s_hand_off_is_found_with_three_threads) {
    finds_some_of_both<model::mutex_counts>("mutex.cpp", {.threads = 3, .deviations = 2});
}

struct woken_from_elsewhere {
    weft::event happened{weft::event::manual};
    model::plain<int> data{0};
    void thread(unsigned me) {
        if (me == 0) {
            weft::loop here(std::make_unique<model::reactor>());
            weft::scope all;
            all.spawn([this] {
                happened.wait();
                model::expect(data.read() == 1, "what came before the wake-up is there");
            });
            all.join();
        } else {
            data.write(data.read() + 1);
            happened.set();
        }
    }
    void end() {}
};

TEST(mutant, of_a_wake_up_is_found) {
    finds_some_of_both<woken_from_elsewhere>("executor.hpp", {.threads = 2, .deviations = 3});
}
TEST(mutant, of_the_loop_s_sleep_is_found) {
    finds_some_of_both<woken_from_elsewhere>("loop.cpp", {.threads = 2, .deviations = 4});
}

struct posted {
    model::atomic<weft::loop*> open{nullptr};
    model::plain<int> calls{0};
    bool* over = nullptr;
    void thread(unsigned me) {
        if (me == 0) {
            weft::loop here(std::make_unique<model::reactor>());
            bool done = false;
            over = &done;
            open.store(&here);
            here.run_until(done);
        } else {
            while (open.load() == nullptr) {
                model::wait_for_a_change();
            }
            open.load()->post([this] {
                calls.write(calls.read() + 1);
                *over = true;
            });
        }
    }
    void end() { model::expect(calls.read() == 1, "the call was made once"); }
};

TEST(mutant, of_a_posted_call_is_found) {
    finds_some_of_both<posted>("loop.cpp", {.threads = 2, .deviations = 4});
}

/// The channel's own steps are those of its lock, and of the outcome of those that wait in it.
TEST(mutant, of_a_channel_is_found) {
    finds_some_of_both<model::sent_and_closed<0>>("waiter.hpp", {.threads = 2, .deviations = 2});
}
TEST(mutant, of_a_select_is_found) {
    finds_some_of_both<model::both_sides_select>("waiter.hpp", {.threads = 2, .deviations = 2});
}

TEST(mutant, of_the_shared_mutex_is_found) {
    finds_some_of_both<model::shared_mutex_parts>("shared_mutex.hpp", {.threads = 2, .deviations = 3});
}
TEST(mutant, of_the_shared_mutex_s_queue_is_found) {
    finds_some_of_both<model::shared_mutex_parts>("shared_mutex.cpp", {.threads = 3, .deviations = 2});
}

}  // namespace
