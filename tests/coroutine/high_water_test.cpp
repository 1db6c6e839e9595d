// How much of its stack a coroutine has ever used.

#include <gtest/gtest.h>

#include <cstddef>
#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;

constexpr std::size_t page = 4096;
constexpr std::size_t deep = weft::default_stack_size / 2;

/// Uses at least `bytes` of the stack, whatever the compiler and its sanitizers make of locals.
[[gnu::noinline]] void use(std::size_t bytes) {
    auto* memory = static_cast<char volatile*>(__builtin_alloca(bytes));
    for (std::size_t i = 0; i < bytes; i += page) {
        memory[i] = 1;
    }
    memory[0] = 1;
}

TEST(high_water, of_a_shallow_one_is_a_page_or_two) {
    coroutine co({.measure_stack = true}, [] { weft::yield(); });
    co.enter();
    EXPECT_GE(co.stack_high_water(), sizeof(weft::detail::control_block));
    EXPECT_LE(co.stack_high_water(), 2 * page);
}

TEST(high_water, of_a_deep_one_counts_what_it_has_given_back) {
    coroutine co({.measure_stack = true}, [] {
        use(deep);
        weft::yield();
    });
    co.enter();
    EXPECT_GE(co.stack_high_water(), deep);
    EXPECT_LE(co.stack_high_water(), deep + 3 * page);
}

TEST(high_water, grows_and_does_not_shrink) {
    coroutine co({.stack_size = 256 * 1024, .measure_stack = true}, [] {
        use(50'000);
        weft::yield();
        use(150'000);
        weft::yield();
        use(10);
    });
    co.enter();
    std::size_t first = co.stack_high_water();
    co.enter();
    std::size_t second = co.stack_high_water();
    co.enter();
    EXPECT_LT(first, 100'000U);
    EXPECT_GE(second, 150'000U);
    EXPECT_EQ(co.stack_high_water(), second);
}

TEST(high_water, does_not_count_what_an_earlier_life_used) {
    char* stack = nullptr;
    {
        coroutine earlier([&] {
            char local = 0;
            stack = static_cast<char*>(__builtin_frame_address(0));
            asm volatile("" : : "r"(&local) : "memory");
            use(deep);
        });
        earlier.enter();
        EXPECT_GE(earlier.stack_high_water(), deep);
    }
    bool same_stack = false;
    coroutine shallow({.measure_stack = true}, [&] {
        auto* here = static_cast<char*>(__builtin_frame_address(0));
        same_stack = here - stack < 4096 && stack - here < 4096;
        weft::yield();
    });
    shallow.enter();
#if !defined(WEFT_BACKEND_WINFIBER)  // one that is measured gets a new fiber there
    EXPECT_TRUE(same_stack);
#endif
    EXPECT_LE(shallow.stack_high_water(), 2 * page);
}

TEST(high_water, can_be_asked_for_from_inside) {
    std::size_t before = 0;
    std::size_t after = 0;
    coroutine co({.stack_size = 1024 * 1024, .measure_stack = true}, [&] {
        before = weft::self().stack_high_water();
        use(800'000);
        after = weft::self().stack_high_water();
    });
    co.enter();
    EXPECT_LE(before, 4 * page);
    EXPECT_GE(after, 800'000U);
}

TEST(high_water, of_none_is_0) {
    coroutine none;
    EXPECT_EQ(none.stack_high_water(), 0U);
}

}  // namespace
