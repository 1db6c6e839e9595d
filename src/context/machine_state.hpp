// Floor: context
//
// Where a signal has interrupted a thread.

#pragma once

#include <ucontext.h>

#include <cstdint>

namespace weft::context {

/// Both are 0 on a machine that is not known here.
struct machine_state {
    std::uintptr_t program_counter;
    std::uintptr_t stack_pointer;
};

/// `context` is the third argument of a signal's handler.
inline machine_state interrupted_at(void const* context) {
    [[maybe_unused]] auto const& machine = static_cast<ucontext_t const*>(context)->uc_mcontext;
    auto state = [](auto program_counter, auto stack_pointer) {
        return machine_state{static_cast<std::uintptr_t>(program_counter), static_cast<std::uintptr_t>(stack_pointer)};
    };
#if defined(__x86_64__)
    return state(machine.gregs[REG_RIP], machine.gregs[REG_RSP]);
#elif defined(__i386__)
    return state(machine.gregs[REG_EIP], machine.gregs[REG_ESP]);
#elif defined(__aarch64__)
    return state(machine.pc, machine.sp);
#elif defined(__arm__)
    return state(machine.arm_pc, machine.arm_sp);
#elif defined(__riscv)
    return state(machine.__gregs[REG_PC], machine.__gregs[REG_SP]);
#elif defined(__powerpc64__)
    return state(machine.gp_regs[32], machine.gp_regs[1]);
#elif defined(__mips__)
    return state(machine.pc, machine.gregs[29]);
#elif defined(__s390x__)
    return state(machine.psw.addr, machine.gregs[15]);
#else
    return state(0, 0);
#endif
}

}  // namespace weft::context
