// Floor: base
//
// Which functions may suspend. The marks stand in front of a declaration; they mean nothing to the compiler's code, and
// clang keeps them as annotations that a checker can read.
//
//     WEFT_COROUTINE_FN void fetch();      // may suspend: call it inside a coroutine only
//     WEFT_MIXED_FN void lock();           // suspends inside a coroutine, blocks the thread outside
//     WEFT_NO_COROUTINE_FN void run();     // blocks the thread: must not be called inside a coroutine
//
// They also stand before what holds functions, pointers and typedefs, and before a parameter that takes any callable: what
// is put there is called inside a coroutine (outside, with WEFT_NO_COROUTINE_FN).
//
//     template <class F>
//     void spawn(WEFT_COROUTINE_FN F&& body);
//
// weft-check (docs/check.md) holds a program to its marks. It knows what runs inside a coroutine, in a mixed function, from
// in_coroutine(), and from what bears WEFT_IN_COROUTINE: that is true, or not null, inside a coroutine only.

#pragma once

#if defined(__clang__)
#define WEFT_COROUTINE_FN __attribute__((annotate("weft::coroutine_fn")))
#define WEFT_MIXED_FN __attribute__((annotate("weft::mixed_fn")))
#define WEFT_NO_COROUTINE_FN __attribute__((annotate("weft::no_coroutine_fn")))
#define WEFT_IN_COROUTINE __attribute__((annotate("weft::in_coroutine")))
#else
#define WEFT_COROUTINE_FN
#define WEFT_MIXED_FN
#define WEFT_NO_COROUTINE_FN
#define WEFT_IN_COROUTINE
#endif
