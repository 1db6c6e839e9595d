// An unwinder goes on from a coroutine's first frame into whoever entered it.

#if defined(WEFT_BACKEND_ASM)

#include <gtest/gtest.h>
#include <unwind.h>

#include <algorithm>
#include <cstdint>
#include <vector>
#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;
using functions = std::vector<std::uintptr_t>;

#if defined(__thumb__)
constexpr std::uintptr_t code_bits = 1;  // the lowest bit of a function's address says that it is in Thumb code
#else
constexpr std::uintptr_t code_bits = 0;
#endif

std::uintptr_t start_of(void (*f)(coroutine&)) {
    return reinterpret_cast<std::uintptr_t>(f) & ~code_bits;
}

/// The start of each function on the way out, innermost first.
[[gnu::noinline]] functions backtrace() {
    functions found;
    _Unwind_Backtrace(
        [](_Unwind_Context* context, void* list) {
            static_cast<functions*>(list)->push_back(_Unwind_GetRegionStart(context));
            return _URC_NO_REASON;
        },
        &found);
    return found;
}

bool contains(functions const& trace, void (*f)(coroutine&)) {
    return std::ranges::find(trace, start_of(f)) != trace.end();
}

[[gnu::noinline]] void one_enterer(coroutine& co) {
    co.enter();
    asm volatile("");
}

[[gnu::noinline]] void another_enterer(coroutine& co) {
    asm volatile("nop");
    co.enter();
    asm volatile("nop");
}

TEST(backtrace, goes_on_into_the_enterer) {
    functions trace;
    coroutine co([&] { trace = backtrace(); });
    one_enterer(co);
    EXPECT_TRUE(contains(trace, &one_enterer));
}

TEST(backtrace, goes_on_into_whoever_entered_last) {
    functions trace;
    coroutine co([&] {
        weft::yield();
        trace = backtrace();
    });
    one_enterer(co);
    another_enterer(co);
    EXPECT_TRUE(contains(trace, &another_enterer));
    EXPECT_FALSE(contains(trace, &one_enterer));
}

TEST(backtrace, goes_on_through_a_coroutine_that_entered_another) {
    functions trace;
    coroutine inner([&] { trace = backtrace(); });
    coroutine outer([&] { another_enterer(inner); });
    one_enterer(outer);
    auto inner_at = std::ranges::find(trace, start_of(&another_enterer));
    EXPECT_NE(inner_at, trace.end());
    EXPECT_NE(std::find(inner_at, trace.end(), start_of(&one_enterer)), trace.end());
}

TEST(backtrace, ends_where_the_enterers_own_ends) {
    functions outside = backtrace();
    functions inside;
    coroutine co([&] { inside = backtrace(); });
    co.enter();
    ASSERT_GT(inside.size(), outside.size());
    EXPECT_EQ(inside.back(), outside.back());
}

}  // namespace

#endif
