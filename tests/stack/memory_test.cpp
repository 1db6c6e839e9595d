// What many stacks take, as Linux counts it.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>
#include <weft/stack.hpp>

#include "../instrumented.hpp"
#include "../resident_stacks.hpp"

namespace {

using weft_test::resident_bytes_of_stacks;
using weft_test::use_at_once;

std::size_t mappings() {
    std::ifstream maps("/proc/self/maps");
    std::size_t count = 0;
    for (std::string line; std::getline(maps, line);) {
        ++count;
    }
    return count;
}

TEST(stack, many_take_few_mappings) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer maps shadow for what is touched";
#endif
    if (weft::detail::best_guard_kind() != weft::detail::guard_kind::markers) {
        GTEST_SKIP() << "this kernel's guards are mappings (before Linux 6.13)";
    }
    std::size_t before = mappings();
    std::vector<weft::stack> stacks;
    stacks.reserve(20'000);
    for (int i = 0; i < 20'000; ++i) {
        stacks.push_back(weft::allocate_stack(32 * 1024));
    }
    EXPECT_LT(mappings(), before + 50);
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
}

TEST(stack, idle_ones_beyond_the_limit_give_their_pages_back) {
    constexpr std::size_t touched = 16 * 1024;
    std::vector<weft::stack> stacks;
    for (int i = 0; i < 5'000; ++i) {
        stacks.push_back(weft::allocate_stack(128 * 1024));
        std::memset(stacks.back().top - touched, 1, touched);
    }
    std::size_t before = resident_bytes_of_stacks();
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
    EXPECT_LT(resident_bytes_of_stacks(), before - 3'000 * touched);
}

TEST(stack, idle_ones_give_back_what_only_a_deep_use_has_touched) {
    constexpr std::size_t touched = 96 * 1024;
    constexpr std::size_t count = 1'000;  // of which as much may stay as weft::idle_bytes_kept
    std::vector<weft::stack> stacks;
    for (std::size_t i = 0; i < count; ++i) {
        stacks.push_back(weft::allocate_stack(weft::stack_guard_size + touched + 4096));
        std::memset(stacks.back().top - touched, 1, touched);
    }
    std::size_t before = resident_bytes_of_stacks();
    for (auto const& s : stacks) {
        weft::release_stack(s);
    }
    EXPECT_LT(resident_bytes_of_stacks(), before - count / 2 * touched);
}

struct idle_stacks : testing::Test {
    void SetUp() override {
#if defined(WEFT_TEST_INSTRUMENTED)
        GTEST_SKIP() << "a sanitizer keeps memory of its own for what was touched";
#endif
    }
};

std::size_t page_faults() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return static_cast<std::size_t>(used.ru_minflt);
}

TEST_F(idle_stacks, hold_no_more_than_the_limit_however_many_they_are) {
    use_at_once(100);
    std::size_t before = resident_bytes_of_stacks();
    use_at_once(20'000);  // 160 MiB
    EXPECT_LT(resident_bytes_of_stacks(), before + 2 * weft::idle_bytes_kept);
}

TEST_F(idle_stacks, that_were_kept_serve_the_next_burst_without_a_page_fault) {
    use_at_once(1'000);
    std::size_t before = page_faults();
    use_at_once(1'000);
    EXPECT_LT(page_faults() - before, 200U);  // of 2,000 to 3,000
}

/// Much time, in which hardly any are needed.
void need_few_for_a_while() {
    for (int look = 0; look < 100; ++look) {
        use_at_once(100);
        weft::detail::trim_idle_stacks();
    }
}

TEST_F(idle_stacks, that_nobody_has_needed_for_a_while_give_their_pages_back) {
    need_few_for_a_while();
    std::size_t before = resident_bytes_of_stacks();
    use_at_once(2'000);
    EXPECT_GT(resident_bytes_of_stacks(), before + weft::idle_bytes_kept / 2);
    need_few_for_a_while();
    EXPECT_LT(resident_bytes_of_stacks(), before + weft::idle_bytes_kept / 8);
}

TEST_F(idle_stacks, that_are_needed_again_and_again_are_kept) {
    for (int look = 0; look < 100; ++look) {
        use_at_once(1'000);
        weft::detail::trim_idle_stacks();
    }
    std::size_t before = page_faults();
    use_at_once(1'000);
    EXPECT_LT(page_faults() - before, 500U);
}

TEST_F(idle_stacks, that_are_large_give_their_pages_back_at_once) {
    constexpr std::size_t touched = 60 << 20;
    weft::stack s = weft::allocate_stack(64 << 20);
    std::memset(s.top - touched, 1, touched);
    std::size_t before = resident_bytes_of_stacks();
    weft::release_stack(s);
    EXPECT_LT(resident_bytes_of_stacks(), before - touched / 2);
}

void write_to_an_idle_one() {
    weft::stack s = weft::allocate_stack();
    weft::release_stack(s);
    std::memset(s.top - 128, 1, 128);
    (void)weft::allocate_stack();
}

TEST(stack_death, writing_to_an_idle_one_is_found_when_it_is_handed_out) {
    EXPECT_DEATH(write_to_an_idle_one(),
                 "weft: pool.cpp:[0-9]+: expected an idle stack to be as it was left; somebody wrote to it; found 0x");
}

TEST(stack_death, a_guard_that_is_a_mapping_faults_too) {
    std::size_t size = 2 * weft::stack_guard_size;
    auto* slot = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    weft::detail::install_guard(slot, weft::detail::guard_kind::mappings);
    EXPECT_DEATH(*slot = 1, "");
    slot[weft::stack_guard_size] = 1;
    munmap(slot, size);
}

}  // namespace
