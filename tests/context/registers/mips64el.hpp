// 64-bit MIPS, N64 ABI: $16 to $23, $28, $30 and $f24 to $f31 are kept.

#pragma once

asm(R"(
    .pushsection .text
    .globl weft_test_call_with_registers
    .type weft_test_call_with_registers, @function
    .p2align 2
weft_test_call_with_registers:
    daddiu $29, $29, -160
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23
    sd $\n, (\n - 16) * 8($29)
    ld $\n, (\n - 16) * 8($4)
    .endr
    .irp n, 24, 25, 26, 27, 28, 29, 30, 31
    sdc1 $f\n, 64 + (\n - 24) * 8($29)
    ldc1 $f\n, 80 + (\n - 24) * 8($4)
    .endr
    sd $28, 128($29)
    sd $30, 136($29)
    sd $31, 144($29)
    sd $5, 152($29)
    ld $28, 64($4)
    ld $30, 72($4)
    move $25, $6
    move $4, $7
    jalr $25
    ld $4, 152($29)
    sd $28, 64($4)
    sd $30, 72($4)
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23
    sd $\n, (\n - 16) * 8($4)
    ld $\n, (\n - 16) * 8($29)
    .endr
    .irp n, 24, 25, 26, 27, 28, 29, 30, 31
    sdc1 $f\n, 80 + (\n - 24) * 8($4)
    ldc1 $f\n, 64 + (\n - 24) * 8($29)
    .endr
    ld $28, 128($29)
    ld $30, 136($29)
    ld $31, 144($29)
    daddiu $29, $29, 160
    jr $31
    .size weft_test_call_with_registers, . - weft_test_call_with_registers

    .globl weft_test_clear_registers
    .type weft_test_clear_registers, @function
weft_test_clear_registers:
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 28, 30
    li $\n, 0
    .endr
    .irp n, 24, 25, 26, 27, 28, 29, 30, 31
    dmtc1 $0, $f\n
    .endr
    jr $31
    .size weft_test_clear_registers, . - weft_test_clear_registers
    .popsection
)");

namespace weft_test {

inline constexpr kept_register kept_registers[] = {{"$16"},  {"$17"},  {"$18"},  {"$19"},  {"$20"},  {"$21"},
                                                   {"$22"},  {"$23"},  {"$28"},  {"$30"},  {"$f24"}, {"$f25"},
                                                   {"$f26"}, {"$f27"}, {"$f28"}, {"$f29"}, {"$f30"}, {"$f31"}};

[[gnu::always_inline]] inline void trample_registers() {
    asm volatile(R"(
        .set push
        .set noat
        .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 31
        li $\n, -1
        .endr
        mthi $2
        mtlo $2
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        dmtc1 $2, $f\n
        .endr
        .set pop
    )"
                 :
                 :
                 : "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15",
                   "$16", "$17", "$18", "$19", "$20", "$21", "$22", "$23", "$24", "$25", "$31", "hi", "lo", "$f0",
                   "$f1", "$f2", "$f3", "$f4", "$f5", "$f6", "$f7", "$f8", "$f9", "$f10", "$f11", "$f12", "$f13",
                   "$f14", "$f15", "$f16", "$f17", "$f18", "$f19", "$f20", "$f21", "$f22", "$f23", "$f24", "$f25",
                   "$f26", "$f27", "$f28", "$f29", "$f30", "$f31");
}

}  // namespace weft_test
