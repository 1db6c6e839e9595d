// A loop that has nothing to do gives back the memory of stacks that nobody has needed for a while.

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>
#include <weft/loop.hpp>
#include <weft/reactor.hpp>
#include <weft/stack.hpp>
#include <weft/task.hpp>

#include "../instrumented.hpp"
#include "../memory.hpp"

namespace {

using namespace std::chrono_literals;
using weft_test::resident_bytes;

/// Its time passes only while it waits, and then at once.
struct hasty_reactor final : weft::reactor {
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

void use_at_once(std::size_t count) {
    std::vector<weft::stack> stacks;
    for (std::size_t i = 0; i < count; ++i) {
        stacks.push_back(weft::allocate_stack(64 * 1024));
        std::memset(stacks.back().top - 8 * 1024, 1, 8 * 1024);
    }
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
}

TEST(idle_loop, gives_back_what_a_burst_has_left) {
#if defined(WEFT_TEST_INSTRUMENTED)
    GTEST_SKIP() << "a sanitizer keeps memory of its own for what was touched";
#endif
    std::thread([] {
        weft::loop loop(std::make_unique<hasty_reactor>());
        use_at_once(64);  // what the thread's own cache may hold
        std::size_t const before = resident_bytes();
        use_at_once(2'000);
        EXPECT_GT(resident_bytes(), before + weft::idle_bytes_kept / 2);
        weft::run([] {
            for (int second = 0; second < 100; ++second) {
                weft::sleep_for(1s);
            }
        });
        EXPECT_LT(resident_bytes(), before + weft::idle_bytes_kept / 8);
    }).join();
}

TEST(idle_loop, looks_once_a_second_at_most) {
#if defined(WEFT_TEST_INSTRUMENTED)
    GTEST_SKIP() << "a sanitizer keeps memory of its own for what was touched";
#endif
    std::thread([] {
        weft::loop loop(std::make_unique<hasty_reactor>());
        use_at_once(64);
        std::size_t const before = resident_bytes();
        use_at_once(2'000);
        weft::run([] {
            for (int i = 0; i < 10'000; ++i) {
                weft::sleep_for(100us);  // a second in all
            }
        });
        EXPECT_GT(resident_bytes(), before + weft::idle_bytes_kept / 2);
    }).join();
}

}  // namespace
