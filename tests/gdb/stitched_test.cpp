// Backtraces go on from a coroutine through its entry into whoever entered it. Built with -O0 and with -O2, and with
// frame pointers, whatever the preset.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/time.h>
#include <unwind.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;

void keep_frame() {
    asm volatile("");  // what follows a call keeps it from becoming a jump
}

#if defined(WEFT_BACKEND_ASM)

using functions = std::vector<std::string>;

void enter_inner(coroutine& inner);
void enter_middle(coroutine& middle);
void enter_outer(coroutine& outer);
void inner_body(functions (*take)());
void inner_call(functions (*take)());

functions taken;

/// The names of those functions that this file knows; the rest, run_body() and weft's own, are left out.
struct known_function {
    void* start;
    char const* name;
};
#if defined(__thumb__)
constexpr std::uintptr_t code_bits = 1;  // the lowest bit of a function's address says that it is in Thumb code
#else
constexpr std::uintptr_t code_bits = 0;
#endif
template <class F>
void* start_of(F* f) {
    return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(f) & ~code_bits);
}
void add(functions& names, void* start) {
    static std::array const known{
        known_function{start_of(&inner_call), "inner_call"},     known_function{start_of(&inner_body), "inner_body"},
        known_function{start_of(&weft_context_entry), "entry"},  known_function{start_of(&enter_inner), "enter_inner"},
        known_function{start_of(&enter_middle), "enter_middle"}, known_function{start_of(&enter_outer), "enter_outer"}};
    for (known_function const& f : known) {
        // Frame records show the entry twice: see entry_record.
        if (f.start == start && (names.empty() || names.back() != f.name)) {
            names.emplace_back(f.name);
        }
    }
}

[[gnu::noinline]] void inner_call(functions (*take)()) {
    taken = take();
    keep_frame();
}
[[gnu::noinline]] void inner_body(functions (*take)()) {
    inner_call(take);
    keep_frame();
}
[[gnu::noinline]] void enter_inner(coroutine& inner) {
    inner.enter();
    keep_frame();
}
[[gnu::noinline]] void enter_middle(coroutine& middle) {
    middle.enter();
    keep_frame();
}
[[gnu::noinline]] void enter_outer(coroutine& outer) {
    outer.enter();
    keep_frame();
}

functions unwound() {
    functions names;
    _Unwind_Backtrace(
        [](_Unwind_Context* context, void* list) {
            add(*static_cast<functions*>(list), reinterpret_cast<void*>(_Unwind_GetRegionStart(context)));
            return _URC_NO_REASON;
        },
        &names);
    return names;
}

// ThreadSanitizer's runtime holds signals back until the program calls into the C library. Other processors' frames have no
// records, or others.
#if !defined(WEFT_TSAN) && (defined(__x86_64__) || defined(__i386__) || defined(__aarch64__))
#define WEFT_TEST_FRAME_RECORDS 1

/// What `perf record --call-graph fp` does in the kernel, done by the handler of a profiling timer.
struct frame_record {
    frame_record const* caller;
    char* return_address;
};
constexpr int most_samples = 400;
char* sample[most_samples];
int volatile sampled;

// Not checked by sanitizers: frame records are nobody's variables.
__attribute__((no_sanitize("address", "thread", "undefined"))) void on_tick(int) {
    auto const* record = static_cast<frame_record const*>(__builtin_frame_address(0));
    int count = 0;
    for (; record != nullptr && record->return_address != nullptr && count < most_samples; record = record->caller) {
        sample[count++] = record->return_address;
        if (_Unwind_FindEnclosingFunction(record->return_address - 1) == start_of(&enter_outer)) {
            break;  // further out is the C library, which keeps no frame pointers
        }
    }
    sampled = count;
}

/// Samples itself; its own frame is not in the list: a handler's caller is what was interrupted, not a call.
[[gnu::noinline]] functions profiled() {
    sampled = 0;
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = on_tick;
    sigaction(SIGPROF, &action, &before);
    itimerval once{{0, 0}, {0, 1000}};
    setitimer(ITIMER_PROF, &once, nullptr);
    while (sampled == 0) {  // uses up processor time, until the timer has seen enough of it
    }
    sigaction(SIGPROF, &before, nullptr);
    functions names;
    for (int i = 0; i < sampled; ++i) {
        add(names, _Unwind_FindEnclosingFunction(sample[i] - 1));
    }
    return names;
}
#endif

/// Nests three coroutines, whose stacks lie in no order, and takes a backtrace in the innermost one.
functions taken_in_three_nested(functions (*take)()) {
    taken.clear();
    coroutine* inner_one;
    coroutine middle([&] { enter_inner(*inner_one); });
    coroutine outer([&] { enter_middle(middle); });
    coroutine inner([&] { inner_body(take); });
    inner_one = &inner;
    enter_outer(outer);
    return taken;
}

auto const in_order = testing::ElementsAre("inner_call", "inner_body", "entry", "enter_inner", "entry", "enter_middle",
                                           "entry", "enter_outer");

TEST(stitched, unwinder_walks_through_three_nested_coroutines) {
    EXPECT_THAT(taken_in_three_nested(unwound), in_order);
}

#if defined(WEFT_TEST_FRAME_RECORDS)
TEST(stitched, frame_pointers_lead_through_three_nested_coroutines) {
    EXPECT_THAT(taken_in_three_nested(profiled), in_order);
}
#endif

TEST(stitched, frames_after_a_yield_lead_to_the_new_enterer) {
    coroutine co([] {
        weft::yield();
        inner_body(unwound);
    });
    enter_inner(co);
    enter_outer(co);
    EXPECT_THAT(taken, testing::ElementsAre("inner_call", "inner_body", "entry", "enter_outer"));
}

#endif

[[gnu::noinline]] void throw_at(int depth) {
    if (depth == 0) {
        throw std::runtime_error("from three frames down");
    }
    throw_at(depth - 1);
    keep_frame();
}

TEST(stitched, exception_thrown_three_frames_deep_comes_out_of_enter) {
    coroutine co([] { throw_at(3); });
    try {
        co.enter();
        FAIL() << "enter() came back";
    } catch (std::runtime_error const& e) {
        EXPECT_STREQ(e.what(), "from three frames down");
    }
    EXPECT_TRUE(co.done());
}

TEST(stitched, exception_comes_out_of_three_nested_enters) {
    coroutine inner([] { throw_at(3); });
    coroutine middle([&] { inner.enter(); });
    coroutine outer([&] { middle.enter(); });
    EXPECT_THROW(outer.enter(), std::runtime_error);
}

}  // namespace
