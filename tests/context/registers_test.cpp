// Every register that the ABI names: filled on both sides of a switch with values of their own, and compared. Built with -O2
// whatever the preset, so that values stay in registers for as long as they can.

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

#include "raw_context.hpp"
#include "registers/kept.hpp"

namespace {

#if defined(WEFT_TEST_KNOWS_REGISTERS)

using weft_test::kept_registers;

// ---- those that a function keeps ------------------------------------------------------------------------------------

/// A value for each of them, all different and not those of another side.
struct alignas(16) register_values {
    explicit register_values(std::uint64_t side) {
        for (std::size_t i = 0; i < std::size(kept_registers); ++i) {
            word[i] = (side * 0x0123'4567'89ab'cdef + (i + 1) * 0x0101'0101'0101'0101) & kept_registers[i].bits;
        }
    }
    std::array<std::uint64_t, std::size(kept_registers)> word;
};

/// Calls `call(&self)` with the registers filled for this side. Returns the names of those that have changed since.
std::string changed_by(void (*call)(void*), raw_context& self, std::uint64_t side) {
    register_values const fill(side);
    register_values found(0);
    weft_test_call_with_registers(fill.word.data(), found.word.data(), call, &self);
    std::string changed;
    for (std::size_t i = 0; i < std::size(kept_registers); ++i) {
        if ((found.word[i] & kept_registers[i].bits) != fill.word[i]) {
            changed.append(kept_registers[i].name).append(" ");
        }
    }
    return changed;
}

[[gnu::noinline]] void enter(void* context) {
    static_cast<raw_context*>(context)->enter(0);
}
[[gnu::noinline]] void leave(void* context) {
    static_cast<raw_context*>(context)->leave(0);
}
[[gnu::noinline]] void enter_out_of_line(void* context) {
    static_cast<raw_context*>(context)->enter_out_of_line(0);
}
[[gnu::noinline]] void leave_out_of_line(void* context) {
    static_cast<raw_context*>(context)->leave_out_of_line(0);
}

std::string changed_inside;

template <void (*Leave)(void*)>
void leave_with_registers_filled(raw_context& self) {
    for (std::uint64_t side = 2;; side += 2) {
        changed_inside += changed_by(Leave, self, side);
    }
}

void expect_kept(raw_context& other, void (*call)(void*)) {
    changed_inside.clear();
    for (std::uint64_t side = 1; side < 11; side += 2) {
        EXPECT_EQ(changed_by(call, other, side), "");
    }
    EXPECT_EQ(changed_inside, "");
}

TEST(registers, that_a_function_keeps_are_kept_on_both_sides_of_a_switch) {
    raw_context other(&leave_with_registers_filled<leave>);
    expect_kept(other, enter);
}

TEST(registers, that_a_function_keeps_are_kept_by_the_switch_out_of_line) {
    raw_context other(&leave_with_registers_filled<leave_out_of_line>);
    expect_kept(other, enter_out_of_line);
}

TEST(registers, that_a_function_keeps_are_found_if_it_does_not) {
    raw_context unused([](raw_context&) {});
    std::string all;
    for (auto const& kept : kept_registers) {
        all.append(kept.name).append(" ");
    }
    EXPECT_EQ(changed_by(weft_test_clear_registers, unused, 1), all);
}

#endif

// ---- those in which the compiler keeps values -----------------------------------------------------------------------

using vector = std::uint64_t __attribute__((vector_size(16)));

bool same(vector a, vector b) {
    vector difference = a ^ b;
    return (difference[0] | difference[1]) == 0;
}
template <class T>
bool same(T a, T b) {
    return a == b;
}

/// More than any processor has registers of one kind.
constexpr std::size_t many = 48;

/// Reads all of `values`, switches while they are live, and counts those that are others then. The compiler can't read them
/// once more after the switch, which may have changed the memory; so it keeps them, in registers if the switch leaves any.
template <class T, std::size_t... I>
[[gnu::noinline]] int lost_across_a_switch(raw_context& other, T const* values, std::index_sequence<I...>) {
    return [&](auto... live) __attribute__((always_inline)) {
        other.enter(0);
        return (0 + ... + (same(live, values[I]) ? 0 : 1));
    }
    (values[I]...);
}

template <class T>
void expect_live_values_kept(T first, T step) {
    raw_context tramples([](raw_context& self) {
        for (;;) {
#if defined(WEFT_TEST_KNOWS_REGISTERS)
            weft_test::trample_registers();
#endif
            self.leave(0);
        }
    });
    std::array<T, many> values;
    for (T& value : values) {
        value = first;
        first += step;
    }
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(lost_across_a_switch(tramples, values.data(), std::make_index_sequence<many>()), 0);
    }
}

TEST(registers, that_hold_integers_while_others_overwrite_them_all) {
    expect_live_values_kept<std::uintptr_t>(1, 3);
}

TEST(registers, that_hold_doubles_while_others_overwrite_them_all) {
    expect_live_values_kept(1.5, 2.25);
}

TEST(registers, that_hold_long_doubles_while_others_overwrite_them_all) {
    expect_live_values_kept(1.5L, 2.25L);
}

TEST(registers, that_hold_vectors_while_others_overwrite_them_all) {
    expect_live_values_kept(vector{1, 2}, vector{5, 7});
}

}  // namespace
