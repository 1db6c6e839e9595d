// 32-bit ARM, AAPCS 6.1: r4 to r11 are kept and, with VFP, d8 to d15.

#pragma once

#if defined(__thumb__)
#define WEFT_TEST_CODE ".thumb\n.thumb_func\n"
#else
#define WEFT_TEST_CODE ".arm\n"
#endif

// The stack pointer is moved by 112 bytes in all, a multiple of 8.
asm(R"(
    .pushsection .text
    .syntax unified
    .globl weft_test_call_with_registers
    .type weft_test_call_with_registers, %function
    .p2align 2
)" WEFT_TEST_CODE R"(
weft_test_call_with_registers:
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, sp, #12
    str r1, [sp]
    .irp n, 4, 5, 6, 7, 8, 9, 10, 11
    ldr r\n, [r0], #8
    .endr
    vldm r0, {d8-d15}
    mov r0, r3
    blx r2
    ldr r0, [sp]
    .irp n, 4, 5, 6, 7, 8, 9, 10, 11
    str r\n, [r0], #8
    .endr
    vstm r0, {d8-d15}
    add sp, sp, #12
    vpop {d8-d15}
    pop {r4-r11, pc}
    .size weft_test_call_with_registers, . - weft_test_call_with_registers

    .globl weft_test_clear_registers
    .type weft_test_clear_registers, %function
)" WEFT_TEST_CODE R"(
weft_test_clear_registers:
    .irp n, 4, 5, 6, 7, 8, 9, 10, 11
    mov r\n, #0
    .endr
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    vmov d\n, r4, r4
    .endr
    bx lr
    .size weft_test_clear_registers, . - weft_test_clear_registers
    .popsection
)");

#undef WEFT_TEST_CODE

namespace weft_test {

inline constexpr kept_register kept_registers[] = {{"r4", lower_bits},
                                                   {"r5", lower_bits},
                                                   {"r6", lower_bits},
                                                   {"r7", lower_bits},
                                                   {"r8", lower_bits},
                                                   {"r9", lower_bits},
                                                   {"r10", lower_bits},
                                                   {"r11", lower_bits},
                                                   {"d8"},
                                                   {"d9"},
                                                   {"d10"},
                                                   {"d11"},
                                                   {"d12"},
                                                   {"d13"},
                                                   {"d14"},
                                                   {"d15"}};

/// But r7 and r11, one of which is the frame pointer.
[[gnu::always_inline]] inline void trample_registers() {
    asm volatile(R"(
        .irp r, r0, r1, r2, r3, r4, r5, r6, r8, r9, r10, ip, lr
        mvn \r, #0
        .endr
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmov d\n, r0, r1
        .endr
    )"
                 :
                 :
                 : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "ip", "lr", "cc", "d0", "d1", "d2",
                   "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15");
}

}  // namespace weft_test
