// aarch64, AAPCS64 6.1: x19 to x29 are kept, and the lower halves of v8 to v15.

#pragma once

asm(R"(
    .pushsection .text
    .globl weft_test_call_with_registers
    .type weft_test_call_with_registers, %function
    .p2align 2
weft_test_call_with_registers:
    stp x29, x30, [sp, #-176]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    str x1, [sp, #160]
    .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    ldr x\n, [x0], #8
    .endr
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    ldr d\n, [x0], #8
    .endr
    mov x0, x3
    blr x2
    ldr x0, [sp, #160]
    .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    str x\n, [x0], #8
    .endr
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    str d\n, [x0], #8
    .endr
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x29, x30, [sp], #176
    ret
    .size weft_test_call_with_registers, . - weft_test_call_with_registers

    .globl weft_test_clear_registers
    .type weft_test_clear_registers, %function
weft_test_clear_registers:
    .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    mov x\n, #0
    .endr
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    fmov d\n, xzr
    .endr
    ret
    .size weft_test_clear_registers, . - weft_test_clear_registers
    .popsection
)");

namespace weft_test {

inline constexpr kept_register kept_registers[] = {{"x19"}, {"x20"}, {"x21"}, {"x22"}, {"x23"}, {"x24"}, {"x25"},
                                                   {"x26"}, {"x27"}, {"x28"}, {"x29"}, {"d8"},  {"d9"},  {"d10"},
                                                   {"d11"}, {"d12"}, {"d13"}, {"d14"}, {"d15"}};

[[gnu::always_inline]] inline void trample_registers() {
    asm volatile(R"(
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30
        mov x\n, #-1
        .endr
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        movi v\n\().16b, #255
        .endr
    )"
                 :
                 :
                 : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
                   "x16", "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "v0",
                   "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
                   "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
                   "v30", "v31", "cc");
}

}  // namespace weft_test
