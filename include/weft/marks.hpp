// Floor 0: context
//
// Which functions may suspend. The marks stand in front of a declaration; they mean nothing to the compiler's code, and
// clang keeps them as annotations that a checker can read.
//
//     WEFT_COROUTINE_FN void fetch();      // may suspend: call it inside a coroutine only
//     WEFT_MIXED_FN void lock();           // suspends inside a coroutine, blocks the thread outside
//     WEFT_NO_COROUTINE_FN void run();     // blocks the thread: must not be called inside a coroutine

#pragma once

#if defined(__clang__)
#define WEFT_COROUTINE_FN __attribute__((annotate("weft::coroutine_fn")))
#define WEFT_MIXED_FN __attribute__((annotate("weft::mixed_fn")))
#define WEFT_NO_COROUTINE_FN __attribute__((annotate("weft::no_coroutine_fn")))
#else
#define WEFT_COROUTINE_FN
#define WEFT_MIXED_FN
#define WEFT_NO_COROUTINE_FN
#endif
