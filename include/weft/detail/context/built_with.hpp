// Floor: context
//
// The compiler's options that a program and the library have to agree on: those that change what a control block holds, or
// how a switch is done. Sanitizers are told of each switch, by what is inlined into the program as well as by the library;
// a shadow stack has to be taken along by both.
//
// WEFT_BUILT_WITH names them, and is the inline namespace that control_block lies in. So the name is part of every function
// of the library that takes one, and a program that was built otherwise does not link:
//
//     undefined reference to `weft::detail::release(weft::detail::built_with_asm_and_address_sanitizer::control_block&)'
//
// Why it is so: docs/decisions/0019-built-with.md.

#pragma once

#include <weft/detail/context/context.hpp>
#include <weft/detail/context/sanitizer.hpp>

#if defined(WEFT_BACKEND_ASM)
#define WEFT_BUILT_WITH_BACKEND asm
#elif defined(WEFT_BACKEND_UCONTEXT)
#define WEFT_BUILT_WITH_BACKEND ucontext
#elif defined(WEFT_BACKEND_SIGALTSTACK)
#define WEFT_BUILT_WITH_BACKEND sigaltstack
#else
#define WEFT_BUILT_WITH_BACKEND winfiber
#endif

#if defined(WEFT_ASAN)
#define WEFT_BUILT_WITH_SANITIZER _and_address_sanitizer
#elif defined(WEFT_TSAN)
#define WEFT_BUILT_WITH_SANITIZER _and_thread_sanitizer
#elif defined(WEFT_MSAN)
#define WEFT_BUILT_WITH_SANITIZER _and_memory_sanitizer
#else
#define WEFT_BUILT_WITH_SANITIZER
#endif

#if defined(WEFT_SHADOW_STACK)
#define WEFT_BUILT_WITH_SHADOW_STACK _and_shadow_stack
#else
#define WEFT_BUILT_WITH_SHADOW_STACK
#endif

#define WEFT_JOIN_BUILT_WITH(backend, sanitizer, shadow_stack) built_with_##backend##sanitizer##shadow_stack
#define WEFT_NAME_BUILT_WITH(backend, sanitizer, shadow_stack) WEFT_JOIN_BUILT_WITH(backend, sanitizer, shadow_stack)
#define WEFT_BUILT_WITH                                                                                                \
    WEFT_NAME_BUILT_WITH(WEFT_BUILT_WITH_BACKEND, WEFT_BUILT_WITH_SANITIZER, WEFT_BUILT_WITH_SHADOW_STACK)

namespace weft::detail {
inline namespace WEFT_BUILT_WITH {
struct control_block;
}
}  // namespace weft::detail
