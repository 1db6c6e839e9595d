// Floor: context
//
// Where a new context starts on x86-64: turns the jump of the first enter() into a call of the entry.
//
// include/weft/detail/context/x86_64.hpp draws the stack that it finds.
//
// The hand-written CFI makes that call look like one that the enterer made: rbp points at the base record, whose first
// word is the address of the enterer's frame {rbp, resume address, rsp}. With it unwinders walk on.

#include <weft/detail/context/context.hpp>

#if defined(WEFT_SHADOW_STACK)
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#endif

#include "context/entry_debug_info.hpp"

#if defined(WEFT_BACKEND_ASM)

asm(R"(
    .text
    .globl weft_context_entry
    .type weft_context_entry, @function
    .p2align 4
weft_context_entry:
.Lweft_entry_begin:
    .cfi_startproc
    .cfi_escape 0x0f, 0x06, 0x76, 0x00, 0x06, 0x23, 0x10, 0x06  # CFA = *(*rbp + 16): breg6 0, deref, plus_uconst 16, deref
    .cfi_escape 0x10, 0x06, 0x03, 0x76, 0x00, 0x06              # rbp is at *rbp:     breg6 0, deref
    .cfi_escape 0x10, 0x10, 0x05, 0x76, 0x00, 0x06, 0x23, 0x08  # rip is at *rbp + 8
)"
#if defined(__CET__) && (__CET__ & 1)
    "endbr64\n"
#endif
    R"(
    movq (%rsp), %rdx                   # the entry: run_body()
)"
#if defined(WEFT_SHADOW_STACK)
    // Takes off what an earlier context left, which ended a few calls deep.
    R"(
    xorl %ecx, %ecx
    rdsspq %rcx
    testq %rcx, %rcx
    jz 1f
    movq 8(%rsp), %rdi
    subq %rcx, %rdi
    shrq $3, %rdi
    incsspq %rdi
1:
)"
#endif
    R"(
    movq %rbp, %rdi                     # its arguments: &base,
    movq %rax, %rsi                     # and the word that the first enter() hands over
.Lweft_entry_call:
    call *%rdx
    ud2                                 # the entry never returns
.Lweft_entry_end:
    .cfi_endproc
    .size weft_context_entry, . - weft_context_entry
)" WEFT_ENTRY_DEBUG_INFO(".8byte", "8"));

#if defined(WEFT_RETURN_BY_JUMP)
#if defined(__CET__) && (__CET__ & 1)
#define WEFT_NO_TRACK "notrack "
#else
#define WEFT_NO_TRACK
#endif

// Each with a jump of its own: one that goes to two places in turn is slower, even where it is predicted.
asm(R"(
    .text
    .globl weft_return_value_by_jump
    .type weft_return_value_by_jump, @function
    .p2align 4
weft_return_value_by_jump:
    .cfi_startproc
    movl %edi, %eax
    popq %rdx
    .cfi_adjust_cfa_offset -8
    .cfi_register rip, rdx
    )" WEFT_NO_TRACK R"(jmpq *%rdx
    .cfi_endproc
    .size weft_return_value_by_jump, . - weft_return_value_by_jump

    .globl weft_return_word_by_jump
    .type weft_return_word_by_jump, @function
    .p2align 4
weft_return_word_by_jump:
    .cfi_startproc
    movq %rdi, %rax
    popq %rdx
    .cfi_adjust_cfa_offset -8
    .cfi_register rip, rdx
    )" WEFT_NO_TRACK R"(jmpq *%rdx
    .cfi_endproc
    .size weft_return_word_by_jump, . - weft_return_word_by_jump

    .globl weft_return_by_jump
    .type weft_return_by_jump, @function
    .p2align 4
weft_return_by_jump:
    .cfi_startproc
    popq %rdx
    .cfi_adjust_cfa_offset -8
    .cfi_register rip, rdx
    )" WEFT_NO_TRACK R"(jmpq *%rdx
    .cfi_endproc
    .size weft_return_by_jump, . - weft_return_by_jump
)");
#endif

#if defined(WEFT_SHADOW_STACK)
namespace weft::context {
namespace {

// asm/unistd.h and asm/mman.h of Linux 6.6 and newer.
constexpr long map_shadow_stack = 453;
constexpr unsigned set_token = 1;

std::uintptr_t shadow_stack_pointer() {
    std::uintptr_t pointer = 0;
    asm volatile("rdsspq %0" : "+r"(pointer));
    return pointer;
}

}  // namespace

void shadow_stack::map(std::size_t stack_bytes) {
    if (shadow_stack_pointer() == 0) {
        return;
    }
    bytes_ = stack_bytes / 2;  // a call takes at least 16 bytes of the stack, which stays aligned, and 8 of this
    long base = syscall(map_shadow_stack, 0, bytes_, set_token);
    if (base == -1) {
        throw std::system_error(errno, std::generic_category(), "weft: no shadow stack for a coroutine");
    }
    top_ = reinterpret_cast<char*>(base) + bytes_;
    token_ = top_ - 8;
}

void shadow_stack::unmap() noexcept {
    if (top_ != nullptr) {
        munmap(top_ - bytes_, bytes_);
    }
}

}  // namespace weft::context
#endif

#endif
