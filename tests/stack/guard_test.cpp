// A stack's guard, and what happens where there are no more of them, on Linux.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/stack.hpp>

#include "../emulated.hpp"
#include "stack/slab.hpp"

namespace {

/// One stack, given back at the end.
struct owned_stack {
    explicit owned_stack(std::size_t size = weft::default_stack_size) : s(weft::allocate_stack(size)) {}
    owned_stack(owned_stack const&) = delete;
    owned_stack& operator=(owned_stack const&) = delete;
    ~owned_stack() { weft::release_stack(s); }

    weft::stack s;
};

/// The signal that ends a child process which writes to `address`; 0 when it lives on.
int signal_of_writing_to(char volatile* address) {
    pid_t child = fork();
    if (child == 0) {
        std::signal(SIGSEGV, SIG_DFL);  // a sanitizer has a handler of its own
        *address = 1;
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(stack_guard, faults_from_its_first_byte_to_its_last) {
    owned_stack one;
    EXPECT_EQ(signal_of_writing_to(one.s.low - weft::stack_guard_size), SIGSEGV);
    EXPECT_EQ(signal_of_writing_to(one.s.low - weft::stack_guard_size / 2), SIGSEGV);
    EXPECT_EQ(signal_of_writing_to(one.s.low - 1), SIGSEGV);
    EXPECT_EQ(signal_of_writing_to(one.s.low), 0);
}

TEST(stack_guard, still_faults_when_the_stack_is_used_again) {
    weft::stack s = weft::allocate_stack();
    weft::release_stack(s);
    owned_stack again;
    ASSERT_EQ(again.s.low, s.low);
    EXPECT_EQ(signal_of_writing_to(again.s.low - 1), SIGSEGV);
}

TEST(stack_guard, still_faults_after_the_stack_gave_its_pages_back) {
    std::vector<weft::stack> stacks;
    stacks.reserve(3'000);
    for (int i = 0; i < 3'000; ++i) {
        stacks.push_back(weft::allocate_stack(32 * 1024));
    }
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
    EXPECT_EQ(signal_of_writing_to(stacks.front().low - 1), SIGSEGV);
    EXPECT_EQ(signal_of_writing_to(stacks.back().low - 1), SIGSEGV);
    owned_stack again(32 * 1024);
    EXPECT_EQ(signal_of_writing_to(again.s.low), 0);
}

TEST(stack_guard, of_mappings_faults_up_to_its_last_byte) {
    std::size_t size = 2 * weft::stack_guard_size;
    void* mapping = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(mapping, MAP_FAILED);
    auto* slot = static_cast<char*>(mapping);
    weft::detail::install_guard(slot, weft::detail::guard_kind::mappings);
    EXPECT_EQ(signal_of_writing_to(slot), SIGSEGV);
    EXPECT_EQ(signal_of_writing_to(slot + weft::stack_guard_size - 1), SIGSEGV);
    EXPECT_EQ(signal_of_writing_to(slot + weft::stack_guard_size), 0);
    munmap(mapping, size);
}

TEST(stack_guard_death, is_a_mapping_where_memory_is_locked) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's shadow is too much to lock";
#endif
    EXPECT_EXIT(
        {
            weft::release_stack(weft::allocate_stack(32 * 1024));  // finds out what kind of guards there are
            if (mlockall(MCL_FUTURE) != 0) {
                std::fprintf(stderr, "may not lock memory\n");
                _exit(0);
            }
            weft::stack s = weft::allocate_stack(64 * 1024);
            bool guarded = signal_of_writing_to(s.low - 1) == SIGSEGV && signal_of_writing_to(s.low) == 0;
            std::fprintf(stderr, "guarded %d\n", guarded);
            _exit(guarded ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

// What follows ends with the limit of mappings used up, so each test is a program of its own.

std::size_t mappings_allowed() {
    std::ifstream limit("/proc/sys/vm/max_map_count");
    std::size_t count = 0;
    limit >> count;
    return count;
}

/// Allocates until it is refused, and says how; the stacks that it has got are in `stacks`.
std::string allocate_until_refused(std::vector<weft::stack>& stacks) {
    weft::detail::force_guard_kind(weft::detail::guard_kind::mappings);
    stacks.reserve(mappings_allowed());
    try {
        while (stacks.size() < mappings_allowed()) {
            stacks.push_back(weft::allocate_stack(32 * 1024));
        }
    } catch (std::system_error const& refused) {
        return refused.code() == std::errc::not_enough_memory ? refused.what() : "another error";
    }
    return "not refused";
}

void reach_the_limit() {
    std::vector<weft::stack> stacks;
    std::string refusal = allocate_until_refused(stacks);
    // Two mappings each, of four fifths of what is allowed.
    bool as_many_as_can_be = stacks.size() > mappings_allowed() / 5 * 2 - 1'000;
    std::fprintf(stderr, "%s\n", refusal.c_str());
    // The rest of the program goes on: a thread takes mappings for its stack, its guard, and what it allocates.
    std::vector<std::jthread> threads(100);
    for (std::jthread& thread : threads) {
        thread = std::jthread([] { delete[] new char[1 << 20]; });
    }
    threads.clear();
    _exit(as_many_as_can_be ? 0 : 1);
}

void reach_the_limit_and_go_on() {
    std::vector<weft::stack> stacks;
    (void)allocate_until_refused(stacks);
    weft::stack one = stacks.back();
    weft::release_stack(one);
    weft::stack again = weft::allocate_stack(32 * 1024);
    again.low[0] = 1;
    bool guarded = signal_of_writing_to(again.low - 1) == SIGSEGV;
    _exit(again.low == one.low && guarded ? 0 : 1);
}

class stack_limit_death : public testing::Test {
protected:
    void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        GTEST_SKIP() << "a sanitizer can't go on when there are no mappings left";
#endif
        if (mappings_allowed() > 200'000) {
            GTEST_SKIP() << "vm.max_map_count is " << mappings_allowed() << " here: too many to reach it";
        }
    }
};

TEST_F(stack_limit_death, of_guards_that_are_mappings_is_named_and_leaves_room_for_the_rest_of_the_program) {
    EXPECT_EXIT(
        reach_the_limit(), testing::ExitedWithCode(0),
        "weft: cannot guard one more stack: .*each guard is a mapping of its own, and stacks may take four fifths of "
        "vm.max_map_count; raise that limit: Cannot allocate memory");
}

TEST_F(stack_limit_death, leaves_the_stacks_that_there_are_usable) {
    EXPECT_EXIT(reach_the_limit_and_go_on(), testing::ExitedWithCode(0), "");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
std::size_t address_space_in_use() {
    std::ifstream statm("/proc/self/statm");
    std::size_t pages = 0;
    statm >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(stack_room_death, is_found_for_two_of_4_MiB_where_10_MiB_of_address_space_are_left) {
    if (char const* why = weft_test::not_under_emulator(weft_test::shared_with_emulator::address_space)) {
        GTEST_SKIP() << why;
    }
    pid_t child = fork();
    if (child == 0) {
        rlimit limit = {};
        limit.rlim_cur = limit.rlim_max = address_space_in_use() + 10 * 1024 * 1024;
        setrlimit(RLIMIT_AS, &limit);
        int count = 0;
        try {
            for (;; ++count) {
                (void)weft::allocate_stack(4 * 1024 * 1024);
            }
        } catch (std::system_error const& refused) {
            bool no_room =
                std::string(refused.what()).find("no address space for a stack of 4096 KiB") != std::string::npos;
            _exit(no_room ? count : 100);
        }
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_GE(WEXITSTATUS(status), 2);
    EXPECT_LT(WEXITSTATUS(status), 100);
}
#endif

TEST(stack_guard, that_cannot_be_installed_is_a_system_error) {
    auto* unaligned = reinterpret_cast<char*>(std::uintptr_t{1});
    EXPECT_THROW(weft::detail::install_guard(unaligned, weft::detail::guard_kind::mappings), std::system_error);
    EXPECT_THROW(weft::detail::install_guard(unaligned, weft::detail::guard_kind::markers), std::system_error);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their own mappings are more
std::size_t lines_of_maps() {
    std::ifstream maps("/proc/self/maps");
    std::size_t count = 0;
    for (std::string line; std::getline(maps, line);) {
        ++count;
    }
    return count;
}

TEST(stack_number, of_20000_leaves_the_process_with_fewer_than_200_mappings) {
    if (weft::detail::best_guard_kind() != weft::detail::guard_kind::markers) {
        GTEST_SKIP() << "this kernel's guards are mappings (before Linux 6.13)";
    }
    std::vector<weft::stack> stacks;
    for (int i = 0; i < 20'000; ++i) {
        stacks.push_back(weft::allocate_stack());
        stacks.back().top[-1] = 1;
    }
    EXPECT_LT(lines_of_maps(), 200U);
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
}
#endif

}  // namespace
