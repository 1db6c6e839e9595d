// A loop that another one runs: here the other one is nothing but poll(2).

#include <gtest/gtest.h>

#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <latch>
#include <thread>
#include <weft/channel.hpp>
#include <weft/descriptor.hpp>
#include <weft/event.hpp>
#include <weft/loop.hpp>
#include <weft/offload.hpp>
#include <weft/task.hpp>

#include "../resident_stacks.hpp"

namespace {

using namespace std::chrono_literals;

class loop_in_another : public testing::Test {
protected:
    /// Whether there is something to do. Waits for it, but not for ever: that would be a lost wake-up.
    [[nodiscard]] bool called(int milliseconds = 20'000) {
        pollfd one{.fd = here.descriptor(), .events = POLLIN, .revents = 0};
        return ::poll(&one, 1, milliseconds) == 1;
    }

    /// As the other loop does it.
    template <class Done>
    void run_until(Done done) {
        while (!done()) {
            ASSERT_TRUE(called()) << "a wake-up was lost";
            here.run_once(false);
        }
    }

    /// Runs it until there is nothing to do. A notification that came too late to be of use may be left, but not more.
    void settle() {
        int turns = 0;
        for (; called(0); ++turns) {
            ASSERT_LT(turns, 10) << "it is called again and again, with nothing to do";
            here.run_once(false);
        }
    }

    void SetUp() override {
        (void)here.descriptor();
        settle();
    }

    weft::loop here;
};

TEST_F(loop_in_another, is_called_to_look_at_stacks_that_lie_idle) {
    weft_test::use_at_once(200);
    here.run_once(false);
    EXPECT_TRUE(called());
    while (weft::detail::stacks_lie_idle()) {
        weft::detail::trim_idle_stacks();
    }
}

TEST_F(loop_in_another, is_not_called_when_there_is_nothing_to_do) {
    EXPECT_FALSE(called(0));
    here.run_once(false);
    EXPECT_FALSE(called(0));
}

TEST_F(loop_in_another, is_called_for_what_another_thread_posts) {
    bool done = false;
    std::thread other([&] { here.post([&] { done = true; }); });
    run_until([&] { return done; });
    other.join();
    settle();
}

TEST_F(loop_in_another, is_called_for_a_coroutine_that_another_thread_wakes) {
    weft::event happened(weft::event::manual);
    auto waiting = weft::spawn([&] { happened.wait(); });
    settle();
    EXPECT_FALSE(waiting.done());
    std::thread other([&] { happened.set(); });
    run_until([&] { return waiting.done(); });
    other.join();
}

TEST_F(loop_in_another, loses_no_wake_up_of_another_thread) {
    constexpr int rounds = 20'000;
    std::atomic<int> asked{0};
    int answered = 0;
    std::thread other([&] {
        for (int i = 1; i <= rounds; ++i) {
            here.post([&] {
                ++answered;
                asked.store(answered);
                asked.notify_one();
            });
            asked.wait(i - 1);  // so each one meets the loop as it is about to sleep, or asleep
        }
    });
    run_until([&] { return answered == rounds; });
    other.join();
}

TEST_F(loop_in_another, is_called_for_a_timer_and_not_before) {
    auto begin = weft::clock::now();
    auto sleeping = weft::spawn([] { weft::sleep_for(3ms); });
    run_until([&] { return sleeping.done(); });
    EXPECT_GE(weft::clock::now() - begin, 3ms);
    settle();
}

TEST_F(loop_in_another, is_not_called_for_a_timer_that_was_disarmed) {
    auto sleeping = weft::spawn([] { weft::sleep_for(1h); });
    settle();
    sleeping.cancel();
    run_until([&] { return sleeping.done(); });
    settle();
}

TEST_F(loop_in_another, is_called_when_a_descriptor_is_ready) {
    std::array<int, 2> ends;
    ASSERT_EQ(pipe(ends.data()), 0);
    auto waiting = weft::spawn([&] { weft::wait_readable(ends[0]); });
    settle();
    EXPECT_FALSE(waiting.done());
    ASSERT_EQ(::write(ends[1], "x", 1), 1);
    run_until([&] { return waiting.done(); });
    auto at_once = weft::spawn([&] { weft::wait_readable(ends[0]); });
    run_until([&] { return at_once.done(); });
    ::close(ends[0]);
    ::close(ends[1]);
    settle();
}

TEST_F(loop_in_another, is_called_when_a_worker_is_done) {
    int sum = 0;
    auto working = weft::spawn([&] {
        for (int i = 0; i < 100; ++i) {
            sum += weft::offload([] { return 1; });
        }
    });
    run_until([&] { return working.done(); });
    EXPECT_EQ(sum, 100);
}

TEST_F(loop_in_another, is_called_for_what_its_own_thread_does_between_two_turns) {
    weft::channel<int> numbers(1);
    int got = 0;
    auto receiving = weft::spawn([&] { got = *numbers.receive(); });
    EXPECT_TRUE(called(0)) << "something was spawned";
    settle();
    EXPECT_TRUE(numbers.try_send(42));
    EXPECT_TRUE(called(0)) << "somebody was woken";
    run_until([&] { return receiving.done(); });
    EXPECT_EQ(got, 42);
    bool posted = false;
    here.post([&] { posted = true; });
    EXPECT_TRUE(called(0)) << "something was posted";
    run_until([&] { return posted; });
    struct : weft::timer {
        bool over = false;
    } t;
    t.expired = [](weft::timer& me) noexcept { static_cast<decltype(t)&>(me).over = true; };
    here.arm(t, weft::clock::now());
    run_until([&] { return t.over; });
}

TEST_F(loop_in_another, may_be_run_by_a_wait_in_between) {
    for (int i = 0; i < 3; ++i) {
        weft::event happened(weft::event::manual);
        auto waiting = weft::spawn([&] { happened.wait(); });
        weft::sleep_for(1ms);  // outside coroutines: runs the loop
        std::thread other([&] { happened.set(); });
        run_until([&] { return waiting.done(); });
        other.join();
        int nested = 0;
        here.post([&] {
            weft::sleep_for(1us);
            ++nested;
        });
        run_until([&] { return nested == 1; });
    }
}

TEST_F(loop_in_another, goes_on_with_more_than_a_turn_may_do) {
    int yields = 0;
    weft::scope many;
    for (int i = 0; i < 1'000; ++i) {
        many.spawn([&] {
            for (int j = 0; j < 10; ++j) {
                weft::yield();
                ++yields;
            }
        });
    }
    run_until([&] { return yields == 10'000; });
}

TEST_F(loop_in_another, is_called_for_an_operation_that_is_cancelled_between_two_turns) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    {
        auto waits = weft::spawn([&] { weft::wait_readable(ends[0]); });
        settle();
        EXPECT_FALSE(waits.done());
        waits.cancel();
        run_until([&] { return waits.done(); });
        settle();
        EXPECT_THROW(waits.join(), std::system_error);
    }
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_F(loop_in_another, is_called_for_a_descriptor_that_is_closed_between_two_turns) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    for (bool on_another_thread : {false, true}) {
        weft::descriptor reading(::dup(ends[0]));
        auto waits = weft::spawn([&] { weft::wait_readable(reading.fd()); });
        settle();
        on_another_thread ? std::thread([&] { reading.close(); }).join() : reading.close();
        run_until([&] { return waits.done(); });
        settle();
        EXPECT_THROW(waits.join(), std::system_error);
    }
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_F(loop_in_another, is_called_at_once_for_a_timer_in_the_past_and_never_for_one_at_the_end_of_time) {
    constexpr auto last = weft::clock::time_point::max();
    constexpr auto first = weft::clock::time_point::min();
    for (weft::clock::time_point when : {last, last - 1ns, first}) {
        bool fired = false;
        weft::timer t;
        t.waiter = &fired;
        t.expired = [](weft::timer& x) noexcept { *static_cast<bool*>(x.waiter) = true; };
        here.arm(t, when);
        if (when == first) {
            run_until([&] { return fired; });
        }
        settle();
        EXPECT_EQ(fired, when == first);
        here.disarm(t);
    }
}

TEST(loop, says_that_its_reactor_has_no_descriptor) {
    struct simulated final : weft::reactor {
        [[nodiscard]] std::string_view name() const override { return "simulated"; }
        void start(weft::operation&) noexcept override {}
        void cancel(weft::operation&) noexcept override {}
        void poll(std::optional<std::chrono::nanoseconds>) override {}
        [[nodiscard]] bool has_work() const noexcept override { return false; }
        void notify() noexcept override {}
        void closing(int) noexcept override {}
    };
    std::thread([] {
        weft::loop alone(std::make_unique<simulated>());
        try {
            (void)alone.descriptor();
            ADD_FAILURE() << "it has one";
        } catch (std::system_error const& e) {
            EXPECT_EQ(e.code(), std::errc::not_supported);
            EXPECT_NE(std::string(e.what()).find("simulated"), std::string::npos);
        }
    }).join();
}

}  // namespace
