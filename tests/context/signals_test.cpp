// What making and entering a context leaves of signals.

#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cfenv>
#include <csignal>
#include <cstdint>
#include <thread>
#include <vector>

#include "../emulated.hpp"
#include "../instrumented.hpp"
#include "raw_context.hpp"

namespace {

// One of the backends gets onto a new stack by a signal, SIGUSR2: nobody else may notice.

std::atomic<int> signals_seen{0};

/// Counts SIGUSR2 while it exists.
struct counts_signals {
    counts_signals() {
        signals_seen = 0;
        struct sigaction action = {};
        action.sa_handler = [](int) { ++signals_seen; };
        sigaction(SIGUSR2, &action, &before);
    }
    ~counts_signals() { sigaction(SIGUSR2, &before, nullptr); }

    struct sigaction before;
};

void enter_new_ones(int count) {
    for (int i = 0; i < count; ++i) {
        raw_context c([](raw_context& self) { self.leave(self.word + 1); });
        EXPECT_EQ(c.enter(1), 2U);
    }
}

TEST(context_made, leaves_the_signal_mask_the_handler_and_the_signal_stack_as_they_were) {
    counts_signals counting;
    sigset_t blocked, found;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    stack_t stack_before, stack_after;
    sigaltstack(nullptr, &stack_before);
    enter_new_ones(3);
    sigaltstack(nullptr, &stack_after);
    pthread_sigmask(SIG_UNBLOCK, &blocked, &found);
    EXPECT_EQ(stack_after.ss_sp, stack_before.ss_sp);
    EXPECT_EQ(stack_after.ss_flags, stack_before.ss_flags);
    EXPECT_EQ(sigismember(&found, SIGUSR1), 1);
    EXPECT_EQ(sigismember(&found, SIGUSR2), 0);
    EXPECT_EQ(signals_seen, 0);
    raise(SIGUSR2);
    EXPECT_EQ(signals_seen, 1);
}

TEST(context_entered, leaves_the_signal_mask_and_the_rounding_mode_as_they_have_become) {
    raw_context made_before([](raw_context& self) { self.leave(self.word + 1); });
    sigset_t blocked, before, found;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    std::fesetround(FE_UPWARD);
    made_before.enter(1);
    int rounding = std::fegetround();
    std::fesetround(FE_TONEAREST);
    pthread_sigmask(SIG_SETMASK, &before, &found);
    EXPECT_EQ(rounding, FE_UPWARD);
    EXPECT_EQ(sigismember(&found, SIGUSR1), 1);
}

/// Ends the process, with 0 if the switches came to their end. Any system call but exit() and write() would kill it before.
[[noreturn]] void switch_without_system_calls(raw_context& made_before) {
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
        _exit(77);
    }
    std::uintptr_t word = 0;
    for (int i = 0; i < 1000; ++i) {
        word = made_before.enter(word);
    }
    syscall(SYS_exit, word == 1000 ? 0 : 1);
    __builtin_unreachable();
}

TEST(context_switch_death, makes_no_system_call_not_even_the_first_enter) {
#if defined(WEFT_TEST_INSTRUMENTED)
    GTEST_SKIP() << "a sanitizer makes some of its own";
#endif
    if (char const* why = weft_test::not_under_emulator(weft_test::shared_with_emulator::system_calls)) {
        GTEST_SKIP() << why;
    }
    raw_context counts([](raw_context& self) {
        for (std::uintptr_t word = self.word;;) {
            word = self.leave(word + 1);
        }
    });
    EXPECT_EXIT(switch_without_system_calls(counts), testing::ExitedWithCode(0), "");
}

TEST(context_made, keeps_signals_that_are_pending) {
    counts_signals counting;
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    raise(SIGUSR2);
    enter_new_ones(2);
    EXPECT_EQ(signals_seen, 0);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    EXPECT_EQ(signals_seen, 1);
}

/// One after the other, on the same stack.
void make_without_entering(int count) {
    context::entry_record base;
    context::frame fresh;
    std::vector<char> memory(256 * 1024);
    auto end = reinterpret_cast<std::uintptr_t>(memory.data() + memory.size()) & ~std::uintptr_t{63};
    for (int i = 0; i < count; ++i) {
        context::make(fresh, base, reinterpret_cast<void*>(end), [](void*, std::uintptr_t) {});
    }
}

TEST(context_made, on_two_threads_while_a_third_gets_signals) {
    counts_signals counting;
    std::atomic<bool> all_made{false};
    int sent = 0;
    std::thread third([&] {
        do {
            raise(SIGUSR2);
            ++sent;
        } while (!all_made);
    });
    std::thread one(make_without_entering, 5'000);
    std::thread another(make_without_entering, 5'000);
    one.join();
    another.join();
    all_made = true;
    third.join();
    EXPECT_EQ(signals_seen, sent);
}

}  // namespace
