// The FPU's rounding mode stands for all its control words: with coroutine_options::keep_fpu_control each coroutine has its
// own, and else the last one who set them has set them for all.

#include <fenv.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>
#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;

constexpr weft::coroutine_options own{.keep_fpu_control = true};

class fpu_control : public testing::Test {
protected:
    void SetUp() override {
        fesetround(FE_UPWARD);
        if (fegetround() != FE_UPWARD) {
            GTEST_SKIP() << "this machine forgets its rounding mode at once (as qemu-mips64el 7.2 does)";
        }
        fesetround(FE_TONEAREST);
    }
    void TearDown() override { fesetround(FE_TONEAREST); }
};

TEST_F(fpu_control, set_inside_is_not_seen_by_whoever_enters) {
    coroutine co(own, [] {
        fesetround(FE_UPWARD);
        weft::yield();
        fesetround(FE_DOWNWARD);
    });
    co.enter();
    EXPECT_EQ(fegetround(), FE_TONEAREST);
    co.enter();
    EXPECT_TRUE(co.done());
    EXPECT_EQ(fegetround(), FE_TONEAREST);
}

TEST_F(fpu_control, set_by_whoever_enters_is_not_seen_inside) {
    std::vector<int> seen;
    coroutine co(own, [&] {
        for (;;) {
            seen.push_back(fegetround());
            weft::yield();
        }
    });
    fesetround(FE_UPWARD);
    co.enter();
    fesetround(FE_DOWNWARD);
    co.enter();
    EXPECT_EQ(seen, (std::vector<int>{FE_TONEAREST, FE_TONEAREST}));
    EXPECT_EQ(fegetround(), FE_DOWNWARD);
}

TEST_F(fpu_control, begins_as_that_of_the_creator) {
    int seen = -1;
    fesetround(FE_TOWARDZERO);
    coroutine co(own, [&] { seen = fegetround(); });
    fesetround(FE_UPWARD);
    co.enter();
    EXPECT_EQ(seen, FE_TOWARDZERO);
}

TEST_F(fpu_control, stays_through_a_wait) {
    weft::handle kept;
    int in_the_function = -1, after = -1;
    coroutine co(own, [&] {
        fesetround(FE_UPWARD);
        weft::suspend([&](weft::handle h) {
            in_the_function = fegetround();
            kept = std::move(h);
        });
        after = fegetround();
    });
    co.enter();
    kept.wake();
    EXPECT_EQ(fegetround(), FE_TONEAREST);
    co.enter();
    EXPECT_EQ(in_the_function, FE_TONEAREST);
    EXPECT_EQ(after, FE_UPWARD);
    EXPECT_EQ(fegetround(), FE_TONEAREST);
}

TEST_F(fpu_control, is_the_enterers_again_when_an_exception_comes_out) {
    coroutine co(own, [] {
        fesetround(FE_UPWARD);
        throw std::runtime_error("out");
    });
    EXPECT_THROW(co.enter(), std::runtime_error);
    EXPECT_EQ(fegetround(), FE_TONEAREST);
}

TEST_F(fpu_control, stays_through_a_yield_inside_a_handler) {
    int after = -1;
    coroutine co(own, [&] {
        try {
            fesetround(FE_UPWARD);
            throw std::runtime_error("in hand");
        } catch (std::runtime_error const&) {
            weft::yield();
            after = fegetround();
        }
        weft::yield();
    });
    co.enter();
    EXPECT_EQ(fegetround(), FE_TONEAREST);
    co.enter();
    EXPECT_EQ(after, FE_UPWARD);
    EXPECT_EQ(fegetround(), FE_TONEAREST);
}

TEST_F(fpu_control, is_there_while_the_coroutine_is_unwound) {
    struct looks {
        int& seen;
        ~looks() { seen = fegetround(); }
    };
    int seen = -1;
    {
        coroutine co(own, [&] {
            looks at_the_end{seen};
            fesetround(FE_UPWARD);
            weft::yield();
        });
        co.enter();
    }
    EXPECT_EQ(seen, FE_UPWARD);
    EXPECT_EQ(fegetround(), FE_TONEAREST);
}

TEST_F(fpu_control, of_nested_coroutines_is_each_ones_own) {
    std::vector<int> seen;
    coroutine inner(own, [&] {
        fesetround(FE_UPWARD);
        weft::yield();
        seen.push_back(fegetround());
    });
    coroutine outer(own, [&] {
        fesetround(FE_DOWNWARD);
        inner.enter();
        seen.push_back(fegetround());
        weft::yield();
        inner.enter();
        seen.push_back(fegetround());
    });
    outer.enter();
    seen.push_back(fegetround());
    outer.enter();
    EXPECT_EQ(seen, (std::vector<int>{FE_DOWNWARD, FE_TONEAREST, FE_UPWARD, FE_DOWNWARD}));
    EXPECT_EQ(fegetround(), FE_TONEAREST);
}

TEST_F(fpu_control, goes_with_the_coroutine_to_another_thread) {
    int seen = -1, of_the_thread = -1;
    coroutine co(own, [&] {
        fesetround(FE_UPWARD);
        weft::yield();
        seen = fegetround();
    });
    co.enter();
    std::thread([&] {
        fesetround(FE_TOWARDZERO);
        co.enter();
        of_the_thread = fegetround();
    }).join();
    EXPECT_EQ(seen, FE_UPWARD);
    EXPECT_EQ(of_the_thread, FE_TOWARDZERO);
}

TEST_F(fpu_control, without_the_option_is_set_for_all) {
    int seen = -1;
    coroutine co([&] {
        fesetround(FE_UPWARD);
        weft::yield();
        seen = fegetround();
    });
    co.enter();
    EXPECT_EQ(fegetround(), FE_UPWARD);
    fesetround(FE_DOWNWARD);
    co.enter();
    EXPECT_EQ(seen, FE_DOWNWARD);
}

TEST_F(fpu_control, of_an_earlier_coroutine_on_the_stack_is_not_kept_for_the_next) {
    coroutine(own, [] { fesetround(FE_UPWARD); }).enter();
    (void)coroutine(own, [] {});  // never entered
    for (int i = 0; i < 2; ++i) {
        coroutine co([] {
            weft::yield();
            fesetround(FE_DOWNWARD);
        });
        co.enter();
        co.enter();
        EXPECT_EQ(fegetround(), FE_DOWNWARD);
        fesetround(FE_TONEAREST);
    }
}

}  // namespace
