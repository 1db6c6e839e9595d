// The switch itself, without anything on top.

#include <gtest/gtest.h>

#include <cstdint>

#include "raw_context.hpp"

namespace {

TEST(context, hands_words_over_both_ways) {
    raw_context c([](raw_context& self) {
        for (std::uintptr_t word = self.word;;) {
            word = self.leave(word * 2);
        }
    });
    EXPECT_EQ(c.enter(1), 2U);
    EXPECT_EQ(c.enter(21), 42U);
    EXPECT_EQ(c.enter(~std::uintptr_t{0} / 2), ~std::uintptr_t{0} - 1);
}

TEST(context, starts_on_an_aligned_stack) {
    raw_context c([](raw_context& self) {
        alignas(16) volatile char local[16] = {};
        for (;;) {
            self.leave(reinterpret_cast<std::uintptr_t>(&local) % 16);
        }
    });
    EXPECT_EQ(c.enter(0), 0U);
}

/// Keeps more values live across a switch than there are registers of either kind.
std::uint64_t sum_across_switches(raw_context& other, std::uint64_t seed) {
    std::uint64_t a = seed, b = seed * 3, c = seed * 5, d = seed * 7, e = seed * 11, f = seed * 13, g = seed * 17;
    double x = static_cast<double>(seed) * 0.5, y = x * 3, z = x * 5;
    long double w = static_cast<long double>(seed) * 0.25L;
    for (int i = 0; i < 500; ++i) {
        other.enter(static_cast<std::uintptr_t>(seed) + static_cast<unsigned>(i));
        a += 1, b += a, c += b, d += c, e += d, f += e, g += f;
        x += 1, y += x, z += y, w += z;
    }
    return a + b + c + d + e + f + g + static_cast<std::uint64_t>(x + y + z) + static_cast<std::uint64_t>(w);
}

void clobber(raw_context& self) {
    volatile std::uint64_t numbers[32];
    volatile double more[32];
    for (std::uint64_t i = self.word;; i = self.leave(static_cast<std::uintptr_t>(i))) {
        for (int k = 0; k < 32; ++k) {
            numbers[k] = i * static_cast<unsigned>(k);
            more[k] = static_cast<double>(numbers[k]) * 1.5;
            numbers[k] = static_cast<std::uint64_t>(more[k]);
        }
    }
}

void nothing(raw_context& self) {
    for (;;) {
        self.leave(0);
    }
}

TEST(context, keeps_what_is_live_across_a_switch) {
    raw_context busy(&clobber);
    raw_context idle(&nothing);
    for (std::uint64_t seed = 1; seed < 10; ++seed) {
        EXPECT_EQ(sum_across_switches(busy, seed), sum_across_switches(idle, seed));
    }
}

TEST(context, interleaves_with_others) {
    auto count = [](raw_context& self) {
        for (std::uintptr_t n = 0;; ++n) {
            self.leave(n);
        }
    };
    raw_context first(count);
    raw_context second(count);
    for (std::uintptr_t i = 0; i < 100; ++i) {
        EXPECT_EQ(first.enter(0), i);
        EXPECT_EQ(second.enter(0), i);
    }
}

TEST(context, is_left_from_deep_frames) {
    struct deep {
        static std::uintptr_t down(raw_context& self, int depth) {
            volatile char frame[128] = {};
            std::uintptr_t result = depth == 0 ? self.leave(1) : down(self, depth - 1);
            return result + static_cast<std::uintptr_t>(frame[0]);
        }
    };
    raw_context c([](raw_context& self) {
        for (;;) {
            self.leave(deep::down(self, 300));
        }
    });
    EXPECT_EQ(c.enter(0), 1U);
    EXPECT_EQ(c.enter(7), 7U);
}

}  // namespace
