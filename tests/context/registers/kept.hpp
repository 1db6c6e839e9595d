// The registers of the processor that the tests run on, as its ABI has them: those that a function leaves as it found them, and
// all that a function may change. A file for each processor; this chooses.
//
//     kept_registers           the names of those that are kept, a word each (two for one of 16 bytes), and which bits of it
//     call_with_registers()    fills them, calls a function, and says what they hold then
//     clear_registers()        breaks the rules: what the former has to find
//     trample_registers()      overwrites all that the compiler can be told of

#pragma once

#include <cstdint>

namespace weft_test {

inline constexpr std::uint64_t all_bits = ~std::uint64_t{0};
inline constexpr std::uint64_t lower_bits = 0xffff'ffff;

/// A word of what call_with_registers() fills and finds.
struct kept_register {
    char const* name;
    std::uint64_t bits = all_bits;  ///< Those that are kept, and that the register has.
};

}  // namespace weft_test

/// Fills the kept registers from the words at `fill`, in the order of kept_registers, calls `call(argument)`, and writes what it
/// finds in them to the words at `found`. Both are aligned to 16 bytes.
extern "C" void weft_test_call_with_registers(std::uint64_t const* fill, std::uint64_t* found, void (*call)(void*),
                                              void* argument);

/// Breaks the rules: clears all kept registers. For weft_test_call_with_registers() to call.
extern "C" void weft_test_clear_registers(void*);

#define WEFT_TEST_KNOWS_REGISTERS 1
#if defined(_WIN32)
#undef WEFT_TEST_KNOWS_REGISTERS  // other conventions of calling; fibers are the system's
#elif defined(__x86_64__)
#include "x86_64.hpp"
#elif defined(__aarch64__)
#include "aarch64.hpp"
#elif defined(__i386__)
#include "i386.hpp"
#elif defined(__arm__)
#include "arm.hpp"
#elif defined(__riscv) && __riscv_xlen == 64
#include "riscv64.hpp"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#include "ppc64le.hpp"
#elif defined(__s390x__)
#include "s390x.hpp"
#elif defined(__mips64) && _MIPS_SIM == _ABI64
#include "mips64el.hpp"
#else
#undef WEFT_TEST_KNOWS_REGISTERS
#endif
