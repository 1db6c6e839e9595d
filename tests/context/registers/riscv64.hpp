// riscv64, LP64D: s0 to s11 and fs0 to fs11 are kept.

#pragma once

asm(R"(
    .pushsection .text
    .globl weft_test_call_with_registers
    .type weft_test_call_with_registers, @function
    .p2align 2
weft_test_call_with_registers:
    addi sp, sp, -208
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd s\n, \n * 8(sp)
    fsd fs\n, 96 + \n * 8(sp)
    .endr
    sd ra, 192(sp)
    sd a1, 200(sp)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld s\n, \n * 8(a0)
    fld fs\n, 96 + \n * 8(a0)
    .endr
    mv a0, a3
    jalr a2
    ld a0, 200(sp)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd s\n, \n * 8(a0)
    fsd fs\n, 96 + \n * 8(a0)
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld s\n, \n * 8(sp)
    fld fs\n, 96 + \n * 8(sp)
    .endr
    ld ra, 192(sp)
    addi sp, sp, 208
    ret
    .size weft_test_call_with_registers, . - weft_test_call_with_registers

    .globl weft_test_clear_registers
    .type weft_test_clear_registers, @function
weft_test_clear_registers:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    li s\n, 0
    fmv.d.x fs\n, zero
    .endr
    ret
    .size weft_test_clear_registers, . - weft_test_clear_registers
    .popsection
)");

namespace weft_test {

inline constexpr kept_register kept_registers[] = {
    {"s0"},  {"s1"},  {"s2"},  {"s3"},  {"s4"},  {"s5"},  {"s6"},  {"s7"},  {"s8"},  {"s9"},  {"s10"},  {"s11"},
    {"fs0"}, {"fs1"}, {"fs2"}, {"fs3"}, {"fs4"}, {"fs5"}, {"fs6"}, {"fs7"}, {"fs8"}, {"fs9"}, {"fs10"}, {"fs11"}};

[[gnu::always_inline]] inline void trample_registers() {
    asm volatile(R"(
        .irp r, ra, t0, t1, t2, t3, t4, t5, t6, a0, a1, a2, a3, a4, a5, a6, a7, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11
        li \r, -1
        .endr
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        fmv.d.x f\n, a0
        .endr
    )"
                 :
                 :
                 : "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s1",
                   "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "ft0", "ft1", "ft2", "ft3", "ft4",
                   "ft5", "ft6", "ft7", "ft8", "ft9", "ft10", "ft11", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5", "fa6",
                   "fa7", "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11");
}

}  // namespace weft_test
