// s390x, the ELF ABI: r6 to r13 and f8 to f15 are kept.

#pragma once

// General registers lie where the caller's frame has room for them; below it a frame of 160 bytes that the ABI asks for, then
// f8 to f15 and `found`.
asm(R"(
    .pushsection .text
    .globl weft_test_call_with_registers
    .type weft_test_call_with_registers, @function
    .p2align 2
weft_test_call_with_registers:
    stmg %r6, %r15, 48(%r15)
    aghi %r15, -232
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    std %f\n, 160 + (\n - 8) * 8(%r15)
    ld %f\n, \n * 8(%r2)
    .endr
    stg %r3, 224(%r15)
    lmg %r6, %r13, 0(%r2)
    lgr %r2, %r5
    basr %r14, %r4
    lg %r1, 224(%r15)
    stmg %r6, %r13, 0(%r1)
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    std %f\n, \n * 8(%r1)
    ld %f\n, 160 + (\n - 8) * 8(%r15)
    .endr
    lmg %r6, %r15, 280(%r15)
    br %r14
    .size weft_test_call_with_registers, . - weft_test_call_with_registers

    .globl weft_test_clear_registers
    .type weft_test_clear_registers, @function
weft_test_clear_registers:
    .irp n, 6, 7, 8, 9, 10, 11, 12, 13
    lghi %r\n, 0
    .endr
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    ldgr %f\n, %r6
    .endr
    br %r14
    .size weft_test_clear_registers, . - weft_test_clear_registers
    .popsection
)");

namespace weft_test {

inline constexpr kept_register kept_registers[] = {{"r6"},  {"r7"},  {"r8"},  {"r9"}, {"r10"}, {"r11"},
                                                   {"r12"}, {"r13"}, {"f8"},  {"f9"}, {"f10"}, {"f11"},
                                                   {"f12"}, {"f13"}, {"f14"}, {"f15"}};

/// But r11, the frame pointer, and r12 and r13, in which compilers keep the addresses of tables.
[[gnu::always_inline]] inline void trample_registers() {
    asm volatile(R"(
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14
        lghi %%r\n, -1
        .endr
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        ldgr %%f\n, %%r0
        .endr
    )"
                 :
                 :
                 : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r14", "cc", "f0", "f1", "f2",
                   "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12", "f13", "f14", "f15");
}

}  // namespace weft_test
