/* What the programs here need of QEMU's header. */
#ifndef QEMU_COROUTINE_H
#define QEMU_COROUTINE_H

#include <stdbool.h>
#include <stddef.h>

#include <weft/marks.hpp>

#define coroutine_fn WEFT_COROUTINE_FN
#define coroutine_mixed_fn WEFT_MIXED_FN
#define no_coroutine_fn WEFT_NO_COROUTINE_FN

typedef struct Coroutine Coroutine;
typedef void coroutine_fn CoroutineEntry(void *opaque);

Coroutine *qemu_coroutine_create(CoroutineEntry *entry, void *opaque);
void qemu_coroutine_enter(Coroutine *co);
void coroutine_fn qemu_coroutine_yield(void);
bool qemu_in_coroutine(void);

#endif
