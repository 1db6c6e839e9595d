// Coroutines on Windows' fibers: that a fiber is used again, and that fibers of others are left as they were.

#include <gtest/gtest.h>
#include <windows.h>

#include <cfenv>
#include <cstdint>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;

constexpr std::size_t unusual = 512 * 1024;  // a size of these tests alone

/// Where the caller's stack begins and ends; the system's own words.
struct limits {
    ULONG_PTR low = 0;
    ULONG_PTR high = 0;

    static limits now() {
        limits found;
        GetCurrentThreadStackLimits(&found.low, &found.high);
        return found;
    }
};

/// Where the frames of a coroutine that only runs this lie.
[[gnu::noinline]] char* frame_of_a_life() {
    char* frame = nullptr;
    coroutine co({.stack_size = unusual}, [&] {
        frame = static_cast<char*>(__builtin_frame_address(0));
        weft::yield();
    });
    co.enter();
    return frame;  // the coroutine is unwound
}

TEST(fibers, are_used_again_from_their_bottom_for_each_life) {
    char* first = frame_of_a_life();
    for (int i = 0; i < 1'000; ++i) {
        ASSERT_EQ(frame_of_a_life(), first);
    }
}

TEST(fibers, are_used_again_after_an_end_in_the_middle_of_many_frames) {
    struct deep {
        static int down(int depth) {
            char volatile frame[256];
            frame[0] = 1;
            if (depth == 0) {
                weft::yield();
                return frame[0];
            }
            return down(depth - 1) + frame[0];
        }
    };
    char* first = frame_of_a_life();
    {
        coroutine co({.stack_size = unusual}, [] { (void)deep::down(100); });
        co.enter();
    }
    EXPECT_EQ(frame_of_a_life(), first);
}

TEST(fibers, have_at_least_the_size_that_was_asked_for) {
    for (std::size_t size : {std::size_t{1}, weft::default_stack_size, std::size_t{3} << 20}) {
        limits inside;
        coroutine({.stack_size = size}, [&] { inside = limits::now(); }).enter();
        EXPECT_GE(inside.high - inside.low, size);
    }
}

TEST(fibers, of_coroutines_that_there_are_at_once_are_as_many) {
    std::set<ULONG_PTR> lows{limits::now().low};
    std::vector<coroutine> all;
    for (int i = 0; i < 500; ++i) {
        all.emplace_back([&] {
            lows.insert(limits::now().low);
            weft::yield();
        });
        all.back().enter();
    }
    EXPECT_EQ(lows.size(), 501U);
}

TEST(fibers, of_a_size_that_cannot_be_had_are_refused) {
    try {
        coroutine co({.stack_size = std::size_t{1} << 60}, [] {});
        FAIL() << "it was to be had";
    } catch (std::system_error const& refused) {
        EXPECT_EQ(refused.code(), std::errc::not_enough_memory);
        EXPECT_NE(std::string(refused.what()).find("1152921504606846976 bytes"), std::string::npos) << refused.what();
    }
}

TEST(fibers, of_the_program_stay_what_they_were) {
    std::thread([] {
        int mine = 0;
        void* before = ConvertThreadToFiberEx(&mine, 0);
        coroutine co([] { weft::yield(); });
        co.enter();
        EXPECT_EQ(GetCurrentFiber(), before);
        EXPECT_EQ(GetFiberData(), &mine);
        co.enter();
        EXPECT_TRUE(IsThreadAFiber());
        EXPECT_TRUE(ConvertFiberToThread());
    }).join();
}

/// A fiber of the program's that enters the coroutine, and the one that waits for that.
struct entering_fiber {
    coroutine* co;
    void* back;
    bool came_back = false;

    static VOID CALLBACK run(void* self) {
        auto& me = *static_cast<entering_fiber*>(self);
        me.co->enter();
        me.came_back = GetFiberData() == self;
        SwitchToFiber(me.back);
    }
};

TEST(fibers, of_the_program_may_enter_and_are_come_back_to) {
    std::thread([] {
        int steps = 0;
        coroutine co([&] {
            ++steps;
            weft::yield();
            ++steps;
        });
        entering_fiber first{&co, ConvertThreadToFiberEx(nullptr, 0)};
        entering_fiber second{&co, first.back};
        for (entering_fiber* each : {&first, &second}) {
            void* fiber = CreateFiber(0, entering_fiber::run, each);
            SwitchToFiber(fiber);
            EXPECT_TRUE(each->came_back);
            DeleteFiber(fiber);
        }
        EXPECT_EQ(steps, 2);
        ConvertFiberToThread();
    }).join();
}

/// Says when it is destroyed whether the thread is a fiber.
struct last_look {
    bool* fiber = nullptr;
    ~last_look() { *fiber = IsThreadAFiber(); }
};

TEST(fibers, are_not_what_a_thread_ends_as_that_was_none) {
    bool at_the_end = true;
    std::thread([&] {
        thread_local last_look last;  // made before the first enter, so destroyed after what that makes
        last.fiber = &at_the_end;
        coroutine co([] {});
        co.enter();
        EXPECT_TRUE(IsThreadAFiber());
    }).join();
    EXPECT_FALSE(at_the_end);
}

TEST(fibers, leave_the_rounding_mode_to_the_thread) {
    int inside = -1;
    frame_of_a_life();  // so that the next one gets a fiber that was made under another mode
    std::fesetround(FE_UPWARD);
    coroutine co({.stack_size = unusual}, [&] {
        inside = std::fegetround();
        std::fesetround(FE_DOWNWARD);
        weft::yield();
    });
    co.enter();
    int outside = std::fegetround();
    std::fesetround(FE_TONEAREST);
    EXPECT_EQ(inside, FE_UPWARD);
    EXPECT_EQ(outside, FE_DOWNWARD);
}

}  // namespace
