// PowerPC64, ELF v2 ABI 2.2.2: r14 to r31, f14 to f31, v20 to v31 and the fields cr2 to cr4 are kept.

#pragma once

// The frame: 32 bytes that the ABI has a use for, `found`, then vectors, general and floating-point registers. The words that
// are filled: general, floating-point, vectors, the condition register.
asm(R"(
    .pushsection .text
    .globl weft_test_call_with_registers
    .type weft_test_call_with_registers, @function
    .p2align 2
weft_test_call_with_registers:
    mflr 0
    std 0, 16(1)
    mfcr 0
    stw 0, 8(1)
    stdu 1, -528(1)
    std 2, 24(1)
    std 4, 32(1)
    addi 7, 1, 48
    .irp n, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    stvx \n, 0, 7
    addi 7, 7, 16
    .endr
    .irp n, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    std \n, 240 + (\n - 14) * 8(1)
    stfd \n, 384 + (\n - 14) * 8(1)
    ld \n, (\n - 14) * 8(3)
    lfd \n, 144 + (\n - 14) * 8(3)
    .endr
    addi 7, 3, 288
    .irp n, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    lvx \n, 0, 7
    addi 7, 7, 16
    .endr
    lwz 7, 480(3)
    mtcrf 0x38, 7
    mr 3, 6
    mr 12, 5
    mtctr 12
    bctrl
    ld 2, 24(1)
    ld 3, 32(1)
    mfcr 0
    std 0, 480(3)
    addi 7, 3, 288
    addi 8, 1, 48
    .irp n, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    stvx \n, 0, 7
    addi 7, 7, 16
    lvx \n, 0, 8
    addi 8, 8, 16
    .endr
    .irp n, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    std \n, (\n - 14) * 8(3)
    stfd \n, 144 + (\n - 14) * 8(3)
    ld \n, 240 + (\n - 14) * 8(1)
    lfd \n, 384 + (\n - 14) * 8(1)
    .endr
    addi 1, 1, 528
    lwz 0, 8(1)
    mtcrf 0x38, 0
    ld 0, 16(1)
    mtlr 0
    blr
    .size weft_test_call_with_registers, . - weft_test_call_with_registers

    .globl weft_test_clear_registers
    .type weft_test_clear_registers, @function
weft_test_clear_registers:
    .irp n, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    li \n, 0
    mtvsrd \n, \n
    .endr
    .irp n, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vspltisw \n, 0
    .endr
    mtcr 14
    blr
    .size weft_test_clear_registers, . - weft_test_clear_registers
    .popsection
)");

namespace weft_test {

inline constexpr kept_register kept_registers[] = {{"r14"},
                                                   {"r15"},
                                                   {"r16"},
                                                   {"r17"},
                                                   {"r18"},
                                                   {"r19"},
                                                   {"r20"},
                                                   {"r21"},
                                                   {"r22"},
                                                   {"r23"},
                                                   {"r24"},
                                                   {"r25"},
                                                   {"r26"},
                                                   {"r27"},
                                                   {"r28"},
                                                   {"r29"},
                                                   {"r30"},
                                                   {"r31"},
                                                   {"f14"},
                                                   {"f15"},
                                                   {"f16"},
                                                   {"f17"},
                                                   {"f18"},
                                                   {"f19"},
                                                   {"f20"},
                                                   {"f21"},
                                                   {"f22"},
                                                   {"f23"},
                                                   {"f24"},
                                                   {"f25"},
                                                   {"f26"},
                                                   {"f27"},
                                                   {"f28"},
                                                   {"f29"},
                                                   {"f30"},
                                                   {"f31"},
                                                   {"v20"},
                                                   {"v20"},
                                                   {"v21"},
                                                   {"v21"},
                                                   {"v22"},
                                                   {"v22"},
                                                   {"v23"},
                                                   {"v23"},
                                                   {"v24"},
                                                   {"v24"},
                                                   {"v25"},
                                                   {"v25"},
                                                   {"v26"},
                                                   {"v26"},
                                                   {"v27"},
                                                   {"v27"},
                                                   {"v28"},
                                                   {"v28"},
                                                   {"v29"},
                                                   {"v29"},
                                                   {"v30"},
                                                   {"v30"},
                                                   {"v31"},
                                                   {"v31"},
                                                   {"cr", 0x00ff'f000}};

[[gnu::always_inline]] inline void trample_registers() {
    asm volatile(R"(
        .irp n, 0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
        li \n, -1
        .endr
        mtcr 0
        mtctr 0
        mtlr 0
        mtxer 0
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        vspltisw \n, -1
        mtvsrd \n, 0
        .endr
    )"
                 :
                 :
                 : "r0", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r14", "r15", "r16", "r17",
                   "r18", "r19", "r20", "r21", "r22", "r23", "r24", "r25", "r26", "r27", "r28", "r29", "r30", "lr",
                   "ctr", "xer", "cr0", "cr1", "cr2", "cr3", "cr4", "cr5", "cr6", "cr7", "fr0", "fr1", "fr2", "fr3",
                   "fr4", "fr5", "fr6", "fr7", "fr8", "fr9", "fr10", "fr11", "fr12", "fr13", "fr14", "fr15", "fr16",
                   "fr17", "fr18", "fr19", "fr20", "fr21", "fr22", "fr23", "fr24", "fr25", "fr26", "fr27", "fr28",
                   "fr29", "fr30", "fr31", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11",
                   "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
                   "v26", "v27", "v28", "v29", "v30", "v31");
}

}  // namespace weft_test
