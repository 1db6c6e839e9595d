// What a switch must leave as it was, seen from the context that is entered.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <weft/detail/context/context.hpp>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "stack/tell_valgrind.hpp"

namespace {

namespace context = weft::context;

/// One context and whoever enters it.
struct pair {
    explicit pair(context::entry_function entry) {
        auto end = reinterpret_cast<std::uintptr_t>(memory.get() + size) & ~std::uintptr_t{63};
        weft::detail::tell_valgrind_of_stack(memory.get(), memory.get() + size);
        context::make(left, base, reinterpret_cast<void*>(end), entry);
        companion.map(size);
        companion.begin(left);
    }
    pair(pair const&) = delete;
    pair& operator=(pair const&) = delete;
    ~pair() { companion.unmap(); }
    static pair& of(void* record) { return *static_cast<pair*>(record); }

    std::uintptr_t enter(std::uintptr_t word) { return context::switch_to(enterer, left, left.stack_pointer, word); }
    std::uintptr_t leave(std::uintptr_t word) { return context::switch_to(left, enterer, enterer.stack_pointer, word); }

    static constexpr std::size_t size = 512 * 1024;
    context::entry_record base;  // first: it is what the entry is called with
    context::frame enterer;
    context::frame left;
    context::companion companion;
    std::unique_ptr<char[]> memory{new char[size]};
};

TEST(context_entry, is_called_with_its_record_and_the_first_word) {
    static void* seen_base;
    pair p([](void* base, std::uintptr_t word) {
        seen_base = base;
        for (;;) {
            word = pair::of(base).leave(word);
        }
    });
    EXPECT_EQ(p.enter(77), 77U);
    EXPECT_EQ(seen_base, &p.base);
}

#if defined(__x86_64__)
TEST(context_entry, has_the_alignment_of_any_called_function) {
    pair p([](void* base, std::uintptr_t) {
        for (;;) {  // a return address and the frame pointer lie between a 16-byte boundary and the frame
            pair::of(base).leave(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) % 16);
        }
    });
    EXPECT_EQ(p.enter(1), 0U);
}
#endif

#if defined(__SSE2__)
[[gnu::noinline]] double sum_of_aligned(double a, double b) {
    // Through a volatile, so that the aligned store is made and faults where the stack is not aligned.
    __m128d volatile both = _mm_set_pd(a, b);
    __m128d read = both;
    return _mm_cvtsd_f64(read) + _mm_cvtsd_f64(_mm_unpackhi_pd(read, read));
}

TEST(context_entry, can_use_aligned_SSE_locals) {
    pair p([](void* base, std::uintptr_t word) {
        for (;;) {
            word = pair::of(base).leave(static_cast<std::uintptr_t>(sum_of_aligned(static_cast<double>(word), 2)));
        }
    });
    EXPECT_EQ(p.enter(40), 42U);
    EXPECT_EQ(p.enter(5), 7U);
}
#endif

/// Overwrites as many registers as a function may, and the stack below.
[[gnu::noinline]] std::uint64_t trample(std::uint64_t seed) {
    std::uint64_t volatile numbers[64];
    std::uint64_t a = seed, b = ~seed, c = seed * 3, d = seed * 5, e = seed * 7, f = seed * 9;
    double x = static_cast<double>(seed), y = x * 2, z = y * 2;
    for (unsigned i = 0; i < 64; ++i) {
        a += f, b ^= a, c += b, d ^= c, e += d, f ^= e;
        x += y, y += z, z += 1;
        numbers[i] = a ^ f;
    }
    return numbers[seed % 64] + b + c + d + e + static_cast<std::uint64_t>(x > y ? z : y);
}

TEST(context_switch, keeps_the_integers_of_the_one_that_left) {
    pair p([](void* base, std::uintptr_t word) {
        std::uint64_t a = word, b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5, g = a + 6, h = a + 7;
        for (;;) {
            pair::of(base).leave(static_cast<std::uintptr_t>(a + b + c + d + e + f + g + h));
            ++a, ++b, ++c, ++d, ++e, ++f, ++g, ++h;
        }
    });
    for (std::uint64_t i = 0; i < 500; ++i) {
        EXPECT_EQ(p.enter(100), 8 * (100 + i) + 28);
        trample(i);
    }
}

TEST(context_switch, keeps_the_doubles_of_the_one_that_left) {
    pair p([](void* base, std::uintptr_t) {
        double a = 0.5, b = 1.5, c = 2.5, d = 3.5;
        for (;;) {
            pair::of(base).leave(static_cast<std::uintptr_t>(a + b + c + d));
            a += 1, b += 1, c += 1, d += 1;
        }
    });
    for (std::uint64_t i = 0; i < 500; ++i) {
        EXPECT_EQ(p.enter(0), 8 + 4 * i);
        trample(i);
    }
}

TEST(context_switch, keeps_the_long_doubles_of_both_sides) {
    pair p([](void* base, std::uintptr_t) {
        long double inside = 0.25L;
        for (;;) {
            inside += 1;
            pair::of(base).leave(static_cast<std::uintptr_t>(inside * 4));
        }
    });
    long double outside = 0.75L;
    for (std::uint64_t i = 1; i <= 500; ++i) {
        EXPECT_EQ(p.enter(0), 4 * i + 1);
        outside += 1;
    }
    EXPECT_EQ(outside, 500.75L);
}

TEST(context_switch, keeps_the_pointers_of_both_sides) {
    static int numbers[600];
    pair p([](void* base, std::uintptr_t) {
        for (int* inside = numbers;; ++inside) {
            pair::of(base).leave(reinterpret_cast<std::uintptr_t>(inside));
        }
    });
    int const* outside = numbers;
    for (int i = 0; i < 500; ++i, ++outside) {
        EXPECT_EQ(p.enter(0), reinterpret_cast<std::uintptr_t>(outside));
        trample(static_cast<std::uint64_t>(i));
    }
}

#if defined(__SSE2__)
TEST(context_switch, leaves_the_rounding_mode_alone) {
    unsigned before = _mm_getcsr();
    pair p([](void* base, std::uintptr_t) {
        for (;;) {
            pair::of(base).leave(_mm_getcsr() & _MM_ROUND_MASK);
        }
    });
    EXPECT_EQ(p.enter(0), before & _MM_ROUND_MASK);
    EXPECT_EQ(_mm_getcsr() & _MM_ROUND_MASK, before & _MM_ROUND_MASK);
}
#endif

TEST(context_switch, keeps_what_lies_on_the_stack_of_the_one_that_left) {
    pair p([](void* base, std::uintptr_t word) {
        std::array<std::uintptr_t, 1'000> kept;
        kept.fill(word);
        for (;;) {
            std::uintptr_t sum = 0;
            for (std::uintptr_t k : kept) {
                sum += k;
            }
            pair::of(base).leave(sum);
        }
    });
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(p.enter(3), 3'000U);
        trample(7);
    }
}

/// Leaves once at every depth on the way down and on the way up.
[[gnu::noinline]] std::uintptr_t leave_at_each_depth(pair& p, std::uintptr_t depth) {
    std::uintptr_t volatile mine = depth;
    p.leave(mine);
    std::uintptr_t below = depth == 0 ? 0 : leave_at_each_depth(p, depth - 1);
    p.leave(mine);
    return below + mine;
}

TEST(context_switch, goes_on_in_each_of_many_frames) {
    constexpr std::uintptr_t depth = 300;
    pair p([](void* base, std::uintptr_t) {
        for (;;) {
            std::uintptr_t sum = leave_at_each_depth(pair::of(base), depth);
            pair::of(base).leave(sum);
        }
    });
    for (std::uintptr_t d = depth + 1; d-- > 0;) {
        ASSERT_EQ(p.enter(0), d);
    }
    for (std::uintptr_t d = 0; d <= depth; ++d) {
        ASSERT_EQ(p.enter(0), d);
    }
    EXPECT_EQ(p.enter(0), depth * (depth + 1) / 2);
}

[[gnu::noinline]] std::uintptr_t enter_from_depth(pair& p, int depth) {
    std::uintptr_t volatile mine = 1;
    return depth == 0 ? p.enter(0) : enter_from_depth(p, depth - 1) + mine;
}

TEST(context_switch, comes_back_to_whichever_depth_it_was_entered_from) {
    pair p([](void* base, std::uintptr_t) {
        for (;;) {
            pair::of(base).leave(1'000);
        }
    });
    for (int depth : {0, 200, 3, 100, 1}) {
        EXPECT_EQ(enter_from_depth(p, depth), 1'000U + static_cast<unsigned>(depth));
    }
}

/// A context that is entered from inside another: each comes back to its own enterer.
TEST(context_switch, nests) {
    struct outer_and_inner {
        pair outer;
        pair inner;
    };
    static pair* inner_of;
    outer_and_inner both{pair([](void* base, std::uintptr_t word) {
                             for (;;) {
                                 word = pair::of(base).leave(inner_of->enter(word) + 1);
                             }
                         }),
                         pair([](void* base, std::uintptr_t word) {
                             for (;;) {
                                 word = pair::of(base).leave(word * 10);
                             }
                         })};
    inner_of = &both.inner;
    EXPECT_EQ(both.outer.enter(1), 11U);
    EXPECT_EQ(both.inner.enter(2), 20U);
    EXPECT_EQ(both.outer.enter(3), 31U);
}

}  // namespace
