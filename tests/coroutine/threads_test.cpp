// Threads that use coroutines and end. What they leave behind is compared with what as many threads before them left.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstddef>
#include <thread>
#include <vector>
#include <weft/coroutine.hpp>

#include "../emulated.hpp"
#include "../instrumented.hpp"
#include "../memory.hpp"

namespace {

using weft::coroutine;
using weft_test::resident_bytes;
using weft_test::stacks_carved;

void use_coroutines() {
    coroutine usual([] { weft::yield(); });
    coroutine large({.stack_size = 2 * weft::default_stack_size}, [] { weft::yield(); });
    usual.enter();
    large.enter();
    usual.enter();
}

/// Ends after whatever was made on its thread later, weft's own included.
struct ends_late {
    ~ends_late() { use_coroutines(); }
    int touched = 0;
};

thread_local ends_late late;

void use_coroutines_until_the_very_end() {
    ++late.touched;
    use_coroutines();
}

/// The last use is the first.
void use_coroutines_at_the_very_end() {
    ++late.touched;
}

/// Whether many threads that came and went have left anything.
void expect_nothing_left_of_many_threads_that(void (*work)()) {
    int const many = weft_test::how_many(10'000, 2'000);
    auto come_and_go = [&](int count) {
        for (int i = 0; i < count; ++i) {
            std::thread(work).join();
        }
    };
    come_and_go(many / 10);
    std::size_t carved = stacks_carved();
    std::size_t resident = resident_bytes();
    come_and_go(many);
    EXPECT_EQ(stacks_carved(), carved);
    EXPECT_EQ(weft::coroutine_count(), 0U);
#if defined(WEFT_TEST_INSTRUMENTED)
    GTEST_SKIP() << "memory is not counted: the sanitizers remember threads";
#endif
    if (char const* why = weft_test::not_under_emulator(weft_test::shared_with_emulator::memory)) {
        GTEST_SKIP() << "memory is not counted " << why;
    }
    // A control block each would be 5 MiB, a page each 40.
    EXPECT_LT(resident_bytes(), resident + (std::size_t{1} << 20));
}

TEST(threads, that_came_and_went_leave_nothing) {
    expect_nothing_left_of_many_threads_that(use_coroutines);
}

TEST(threads, whose_thread_local_uses_a_coroutine_when_it_ends_leave_nothing) {
    expect_nothing_left_of_many_threads_that(use_coroutines_until_the_very_end);
}

TEST(threads, whose_thread_local_is_the_first_to_use_a_coroutine_leave_nothing) {
    expect_nothing_left_of_many_threads_that(use_coroutines_at_the_very_end);
}

#if !defined(WEFT_TEST_INSTRUMENTED)

/// How many page faults it costs to park so many at once.
std::size_t page_faults_of_parking(std::size_t count) {
    auto so_far = [] {
        rusage used{};
        getrusage(RUSAGE_SELF, &used);
        return static_cast<std::size_t>(used.ru_minflt);
    };
    std::size_t before = so_far();
    std::vector<coroutine> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.emplace_back([] { weft::yield(); });
        all.back().enter();
    }
    return so_far() - before;
}

TEST(threads, that_come_and_go_leave_the_others_their_idle_stacks) {
    (void)page_faults_of_parking(1'000);
    for (int i = 0; i < 100; ++i) {
        std::thread(use_coroutines).join();
    }
    EXPECT_LT(page_faults_of_parking(1'000), 200U);  // of 1,000 and more
}

#endif

}  // namespace
