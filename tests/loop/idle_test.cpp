// A loop that has nothing to do gives back the memory of stacks that nobody has needed for a while.

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <weft/event.hpp>
#include <weft/loop.hpp>
#include <weft/reactor.hpp>
#include <weft/stack.hpp>
#include <weft/task.hpp>
#include <weft/time.hpp>

#include "../instrumented.hpp"
#include "../resident_stacks.hpp"

namespace {

using namespace std::chrono_literals;
using weft_test::resident_bytes_of_stacks;
using weft_test::use_at_once;

/// Its time passes only while it waits, and then at once.
struct hasty_reactor : weft::reactor {
    [[nodiscard]] std::string_view name() const override { return "hasty"; }
    [[nodiscard]] weft::clock::time_point now() const noexcept override { return now_; }
    void start(weft::operation&) noexcept override {}
    void cancel(weft::operation&) noexcept override {}
    void poll(std::optional<std::chrono::nanoseconds> time) override { now_ += time.value_or(1h); }
    [[nodiscard]] bool has_work() const noexcept override { return false; }
    void notify() noexcept override {}
    void closing(int) noexcept override {}

private:
    weft::clock::time_point now_ = weft::clock::now();
};

/// Ends a wait when its loop would sleep for ever.
struct waking_reactor final : hasty_reactor {
    explicit waking_reactor(weft::event& wait) : ends(wait) {}
    void poll(std::optional<std::chrono::nanoseconds> time) override {
        hasty_reactor::poll(time);
        if (!time) {
            ends.set();
        }
    }
    weft::event& ends;
};

/// A loop of its own, that has nothing else to do.
void sleep_again_and_again(int times, weft::time_span each) {
    weft::loop loop(std::make_unique<hasty_reactor>());
    weft::run([&] {
        for (int i = 0; i < times; ++i) {
            weft::sleep_for(each);
        }
    });
}

struct idle_loop : testing::Test {
    void SetUp() override {
#if defined(WEFT_TEST_INSTRUMENTED)
        GTEST_SKIP() << "a sanitizer keeps memory of its own for what was touched";
#endif
        use_at_once(64);  // what the thread's own cache may hold
        before = resident_bytes_of_stacks();
    }

    std::size_t before = 0;
};

TEST_F(idle_loop, gives_back_what_a_burst_has_left) {
    use_at_once(2'000);
    EXPECT_GT(resident_bytes_of_stacks(), before + weft::idle_bytes_kept / 2);
    sleep_again_and_again(100, 1s);
    EXPECT_LT(resident_bytes_of_stacks(), before + weft::idle_bytes_kept / 8);
}

TEST_F(idle_loop, does_not_sleep_for_ever_before_it_has_given_that_back) {
    use_at_once(2'000);
    weft::event over(weft::event::manual);
    weft::loop loop(std::make_unique<waking_reactor>(over));
    weft::run([&] { over.wait(); });
    EXPECT_LT(resident_bytes_of_stacks(), before + weft::idle_bytes_kept / 8);
}

TEST_F(idle_loop, looks_once_a_second_at_most) {
    use_at_once(2'000);
    sleep_again_and_again(10'000, 100us);  // a second in all
    EXPECT_GT(resident_bytes_of_stacks(), before + weft::idle_bytes_kept / 2);
}

TEST_F(idle_loop, looks_though_that_of_another_has_its_time_far_ahead) {
    sleep_again_and_again(2, 24h);
    use_at_once(2'000);
    sleep_again_and_again(100, 1s);
    EXPECT_LT(resident_bytes_of_stacks(), before + weft::idle_bytes_kept / 8);
}

}  // namespace
