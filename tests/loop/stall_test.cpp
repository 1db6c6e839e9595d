// What holds up a loop is named.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <weft/loop.hpp>
#include <weft/runtime.hpp>
#include <weft/stall_detector.hpp>
#include <weft/task.hpp>

/// Holds up the loop until there are so many. A call stack shows it by its name, as it is exported.
[[gnu::noinline]] void hold_up_until(std::atomic<int> const& count, int wanted) {
    while (count < wanted) {
        poll(nullptr, 0, 1);  // a call in which ThreadSanitizer lets a signal's handler run
    }
}

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// Those reports that have `wanted` in their text: on a loaded machine, others may be of whatever ran when the thread lost its processor.
class reports {
public:
    explicit reports(std::string_view wanted) : wanted_(wanted) {}

    std::atomic<int> count = 0;
    std::string first;  ///< Once there is one.
    std::uint64_t coroutine_id = 0;
    weft::clock::duration turn{0};
    weft::clock::duration last_turn{0};

    weft::stall_detector_options options(weft::time_span limit) {
        return {.limit = limit, .report = [this](weft::stall const& s) { add(s); }};
    }

private:
    void add(weft::stall const& s) {
        std::string text = to_string(s);
        if (text.find(wanted_) == std::string::npos) {
            return;
        }
        if (count == 0) {
            first = std::move(text);
            coroutine_id = s.coroutine_id;
            turn = s.turn;
        }
        last_turn = s.turn;
        ++count;
    }

    std::string_view wanted_;
};

constexpr std::string_view in_here = "hold_up_until(std::atomic<int> const&, int)+0x";

TEST(stall_detector, names_the_coroutine_that_holds_up_the_loop) {
    reports seen("held up by coroutine \"hog\" (id ");
    weft::run([&] {
        weft::stall_detector watch(seen.options(10ms));
        std::uint64_t id = 0;
        weft::spawn({.name = "hog"}, [&] {
            id = weft::self().id();
            weft::yield();
            hold_up_until(seen.count, 1);
        }).join();
        EXPECT_EQ(seen.coroutine_id, id);
    });
    EXPECT_THAT(seen.first, HasSubstr("since it was suspended at " __FILE__));
    EXPECT_THAT(seen.first, HasSubstr("the loop of thread " + std::to_string(gettid())));
    EXPECT_GE(seen.turn, 10ms);
}

TEST(stall_detector, shows_the_call_stack) {
    reports seen(in_here);
    weft::run([&] {
        weft::stall_detector watch(seen.options(10ms));
        hold_up_until(seen.count, 1);
    });
    EXPECT_THAT(seen.first, HasSubstr("weft::loop::run_ready()+0x"))
        << "through the coroutine's entry, to who entered it";
}

TEST(stall_detector, names_a_posted_call) {
    reports seen("held up by a posted call or a timer");
    weft::run([&] {
        weft::stall_detector watch(seen.options(10ms));
        bool called = false;
        weft::loop::current().post([&] {
            hold_up_until(seen.count, 1);
            called = true;
        });
        while (!called) {
            weft::yield();
        }
    });
    EXPECT_EQ(seen.coroutine_id, 0U);
}

TEST(stall_detector, tells_again_when_it_has_become_twice_as_long) {
    reports seen(in_here);
    weft::run([&] {
        weft::stall_detector watch(seen.options(4ms));
        hold_up_until(seen.count, 3);
    });
    EXPECT_GE(seen.last_turn, 4 * seen.turn);
}

// Of a turn that has not ended for it, the detector would tell again and again, each time that it has become twice as long. One that
// the machine holds up is told of, too, but is not as long as all the turns together.
constexpr weft::clock::duration long_while = 600ms;

TEST(stall_detector, says_nothing_of_a_loop_that_turns) {
    reports seen("");
    weft::run([&] {
        weft::stall_detector watch(seen.options(2ms));
        weft::clock::time_point const end = weft::clock::now() + long_while;
        while (weft::clock::now() < end) {
            weft::yield();
        }
    });
    EXPECT_LT(seen.last_turn, long_while / 2);
}

TEST(stall_detector, says_nothing_of_a_loop_that_sleeps_or_is_not_run) {
    reports seen("");
    {
        weft::loop& here = weft::loop::current();
        weft::stall_detector watch(seen.options(2ms));
        weft::sleep_for(long_while);
        here.run_once(false);
        weft::clock::time_point const end = weft::clock::now() + long_while;
        while (weft::clock::now() < end) {
            poll(nullptr, 0, 1);
        }
    }
    EXPECT_LT(seen.last_turn, long_while / 2);
}

// For ThreadSanitizer: the detector looks more often than a sample takes to be written, and the loop is held up, and is not, in turns.
TEST(stall_detector, reads_no_sample_that_is_being_written) {
    reports seen("held up by");
    weft::run([&] {
        weft::stall_detector watch(seen.options(4us));
        while (seen.count < 100) {
            hold_up_until(seen.count, seen.count + 1);
            weft::sleep_for(0s);  // to the next turn
        }
    });
    EXPECT_FALSE(seen.first.empty());
}

TEST(stall_detector, tells_of_a_thread_that_does_not_answer_the_signal) {
    reports seen("held up by something that does not answer the signal");
    weft::run([&] {
        weft::stall_detector watch(seen.options(10ms));
        sigset_t urgent;
        sigemptyset(&urgent);
        sigaddset(&urgent, SIGURG);
        pthread_sigmask(SIG_BLOCK, &urgent, nullptr);
        hold_up_until(seen.count, 1);
        pthread_sigmask(SIG_UNBLOCK, &urgent, nullptr);
    });
    EXPECT_EQ(seen.coroutine_id, 0U);
}

TEST(stall_detector, takes_the_signal_that_it_is_told_and_leaves_one_that_is_handled) {
    struct sigaction theirs = {};
    theirs.sa_handler = [](int) {};
    struct sigaction before = {};
    ASSERT_EQ(sigaction(SIGURG, &theirs, &before), 0);
    try {
        weft::stall_detector watch(10ms);
        ADD_FAILURE() << "took SIGURG";
    } catch (std::system_error const& e) {
        EXPECT_EQ(e.code(), std::errc::device_or_resource_busy);
        EXPECT_THAT(e.what(), HasSubstr("stall_detector_options::signal"));
    }
    reports seen(in_here);
    weft::run([&] {
        weft::stall_detector_options options = seen.options(10ms);
        options.signal = SIGRTMIN + 3;
        weft::stall_detector watch(options);
        hold_up_until(seen.count, 1);
    });
    EXPECT_NE(seen.coroutine_id, 0U);
    sigaction(SIGURG, &before, nullptr);
}

TEST(stall_detector, refuses_a_limit_that_is_none) {
    EXPECT_THROW(weft::stall_detector(0ms), std::invalid_argument);
    EXPECT_THROW(weft::stall_detector(-1ns), std::invalid_argument);
}

TEST(stall_detector_death, two_for_one_loop_are_one_too_many) {
    EXPECT_DEATH(
        {
            weft::stall_detector one(1s);
            weft::stall_detector two(1s);
        },
        "a second weft::stall_detector for one loop");
}

}  // namespace
