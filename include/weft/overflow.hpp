// Floor: stack
//
// The report of an overflow. A coroutine that needs more stack than it has faults at the guard, and the program ends with
// a sentence before it dumps its core:
//
//     weft: coroutine "reader" (id 17, created at server.cpp:30) overflowed its stack of 240 KiB (coroutine_options::stack_size) at 0x55d0c81f in parse_header+0x1c; it was entered at server.cpp:41
//
// For this weft installs a handler for SIGSEGV and SIGBUS when a process first enters a coroutine, and gives each thread
// that enters one a signal stack, unless it has one. Any other fault goes to the handler that was there before, as if
// weft's were not.
//
// A program with a handler of its own, installed later, asks weft first:
//
//     void on_fault(int, siginfo_t* info, void* context) {      // SA_SIGINFO | SA_ONSTACK
//         if (!weft::report_overflow(*info, context)) { ... }
//         ...
//     }
//
// Under AddressSanitizer its own report, with the whole backtrace, follows weft's sentence.
//
// On Windows it is a vectored exception handler, for EXCEPTION_STACK_OVERFLOW, and any other exception is left to others.

#pragma once

#if defined(_WIN32)
#include <weft/detail/stack/overflow_windows.hpp>
#else
#include <weft/detail/stack/overflow_linux.hpp>
#endif

namespace weft {

/// Keeps weft from installing its handler; threads still get their signal stacks. Call it before the process first
/// enters a coroutine: later it does nothing and returns false.
/// Threads: any.
bool leave_faults_alone() noexcept;

/// Installs the handler, once in a process, and gives the calling thread a signal stack, which it loses when it ends.
/// The first enter() of each thread calls it; only code that runs on stacks from allocate_stack() without coroutines
/// has to.
/// Threads: any.
void watch_for_overflow() noexcept;

}  // namespace weft
