// i386, System V ABI: four general registers are kept.

#pragma once

asm(R"(
    .pushsection .text
    .globl weft_test_call_with_registers
    .type weft_test_call_with_registers, @function
weft_test_call_with_registers:
    pushl %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    subl $12, %esp
    movl 44(%esp), %eax
    movl %eax, (%esp)
    movl 40(%esp), %ecx
    movl 32(%esp), %eax
    movl (%eax), %ebx
    movl 8(%eax), %esi
    movl 16(%eax), %edi
    movl 24(%eax), %ebp
    calll *%ecx
    movl 36(%esp), %eax
    movl %ebx, (%eax)
    movl %esi, 8(%eax)
    movl %edi, 16(%eax)
    movl %ebp, 24(%eax)
    addl $12, %esp
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    retl
    .size weft_test_call_with_registers, . - weft_test_call_with_registers

    .globl weft_test_clear_registers
    .type weft_test_clear_registers, @function
weft_test_clear_registers:
    .irp r, ebx, esi, edi, ebp
    movl $0, %\r
    .endr
    retl
    .size weft_test_clear_registers, . - weft_test_clear_registers
    .popsection
)");

#if defined(__SSE2__)
#define WEFT_TEST_TRAMPLE_SSE                                                                                          \
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7\n"                                                                                 \
    "pcmpeqd %%xmm\\n, %%xmm\\n\n"                                                                                     \
    ".endr\n"
#define WEFT_TEST_SSE_CLOBBERS , "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7"
#else
#define WEFT_TEST_TRAMPLE_SSE
#define WEFT_TEST_SSE_CLOBBERS
#endif

namespace weft_test {

inline constexpr kept_register kept_registers[] = {
    {"ebx", lower_bits}, {"esi", lower_bits}, {"edi", lower_bits}, {"ebp", lower_bits}};

[[gnu::always_inline]] inline void trample_registers() {
    asm volatile(WEFT_TEST_TRAMPLE_SSE R"(
        .irp r, eax, ebx, ecx, edx, esi, edi
        movl $-1, %%\r
        .endr
        .rept 8
        fldz
        .endr
        .rept 8
        fstp %%st(0)
        .endr
    )"
                 :
                 :
                 : "eax", "ebx", "ecx", "edx", "esi", "edi", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",
                   "st(7)", "cc" WEFT_TEST_SSE_CLOBBERS);
}

}  // namespace weft_test

#undef WEFT_TEST_TRAMPLE_SSE
#undef WEFT_TEST_SSE_CLOBBERS
