// Floor: c
//
// Create, enter, yield: see <qemu/coroutine.h>.

#ifndef QEMU_COROUTINE_CORE_H
#define QEMU_COROUTINE_CORE_H

#include <weft/c/base.h>

// A declaration bears the name that QEMU gave it, the library's symbol has weft_ before that: so a program may have both.
#define WEFT_SYMBOL_OF(name) __asm__("weft_" #name)

// May suspend: call it inside a coroutine only.
#define coroutine_fn WEFT_COROUTINE_FN
// Works in both worlds: suspends inside a coroutine, blocks the thread outside.
#define coroutine_mixed_fn WEFT_MIXED_FN
// Must not be called inside a coroutine: it would block the thread.
#define no_coroutine_fn WEFT_NO_COROUTINE_FN

WEFT_C_BEGIN

typedef struct Coroutine Coroutine;
typedef struct AioContext AioContext;
typedef void coroutine_fn CoroutineEntry(void* opaque);

#if !defined(WEFT_QEMU_2011)

/// A coroutine that will call entry(opaque). It starts with the first enter, and is freed when it has ended. No memory for a
/// stack ends the program.
Coroutine* qemu_coroutine_create(CoroutineEntry* entry, void* opaque) WEFT_SYMBOL_OF(qemu_coroutine_create);

/// Runs the coroutine until it yields or ends, and then those that it woke meanwhile: depth first, what one of them wakes
/// before those that waited longer. Ends the program with a message if it has been entered already, or is scheduled.
/// Threads: any; from then on it belongs to the context of this one.
void qemu_coroutine_enter(Coroutine* co) WEFT_SYMBOL_OF(qemu_coroutine_enter);

#endif

/// The same if qemu_coroutine_entered(co) is false; else nothing.
void qemu_coroutine_enter_if_inactive(Coroutine* co) WEFT_SYMBOL_OF(qemu_coroutine_enter_if_inactive);

/// Enters it here, where `ctx` has to be the calling thread's.
void qemu_aio_coroutine_enter(AioContext* ctx, Coroutine* co) WEFT_SYMBOL_OF(qemu_aio_coroutine_enter);

/// Goes back to whoever entered the caller; returns when it is entered again. Ends the program with a message outside a
/// coroutine.
void coroutine_fn qemu_coroutine_yield(void) WEFT_SYMBOL_OF(qemu_coroutine_yield);

/// The calling coroutine. Outside one: the thread's leader, a placeholder that is the same for all calls of a thread.
Coroutine* qemu_coroutine_self(void) WEFT_SYMBOL_OF(qemu_coroutine_self);
WEFT_IN_COROUTINE bool qemu_in_coroutine(void) WEFT_SYMBOL_OF(qemu_in_coroutine);

/// Whether it runs, or has entered another that does.
bool qemu_coroutine_entered(Coroutine* co) WEFT_SYMBOL_OF(qemu_coroutine_entered);

/// The context that it last ran on; NULL before the first enter.
AioContext* qemu_coroutine_get_aio_context(Coroutine* co) WEFT_SYMBOL_OF(qemu_coroutine_get_aio_context);

/// How many stacks of ended coroutines each thread keeps for the next ones: 64 at first. A thread frees what it keeps
/// when it ends.
/// Threads: any.
void qemu_coroutine_inc_pool_size(unsigned int additional) WEFT_SYMBOL_OF(qemu_coroutine_inc_pool_size);
void qemu_coroutine_dec_pool_size(unsigned int removing) WEFT_SYMBOL_OF(qemu_coroutine_dec_pool_size);

/// The same with the place of the call, for messages: <weft/c/call_sites.h>. With WEFT_QEMU_2011 defined before the include,
/// create and enter have the shape of the first version: the entry's argument is that of the first enter, and that of later
/// ones is ignored.
Coroutine* weft_qemu_create_at(CoroutineEntry* entry, void* opaque, uint64_t where);
void weft_qemu_enter_at(Coroutine* co, uint64_t where);
void weft_qemu_enter_2011_at(Coroutine* co, void* opaque, uint64_t where);
void coroutine_fn weft_qemu_yield_at(uint64_t where);

#if defined(WEFT_QEMU_2011)
static inline Coroutine* qemu_coroutine_create(CoroutineEntry* entry) {
    return weft_qemu_create_at(entry, NULL, 0);
}
static inline void qemu_coroutine_enter(Coroutine* co, void* opaque) {
    weft_qemu_enter_2011_at(co, opaque, 0);
}
#endif

/// For coroutines of any contexts. First come, first served: the lock goes to the one that has waited longest. A
/// locker on another thread than the holder spins for a short while before it queues.
typedef struct CoMutex {
    WEFT_OPAQUE(8);
} CoMutex;

void qemu_co_mutex_init(CoMutex* mutex) WEFT_SYMBOL_OF(qemu_co_mutex_init);
void coroutine_fn qemu_co_mutex_lock(CoMutex* mutex) WEFT_SYMBOL_OF(qemu_co_mutex_lock);
/// Ends the program with a message if the caller does not hold it.
void coroutine_fn qemu_co_mutex_unlock(CoMutex* mutex) WEFT_SYMBOL_OF(qemu_co_mutex_unlock);
/// Ends the program with a message if the caller does not hold it.
void coroutine_fn qemu_co_mutex_assert_locked(CoMutex* mutex) WEFT_SYMBOL_OF(qemu_co_mutex_assert_locked);
/// weft's own: how many times a locker has spun.
uint64_t weft_co_mutex_spins(const CoMutex* mutex);

typedef struct QemuLockable QemuLockable;  ///< see <qemu/lockable.h>

WEFT_C_END

#if !defined(WEFT_C_PLAIN_FUNCTIONS)
#include <weft/c/call_sites.h>
#if defined(WEFT_QEMU_2011)
#define qemu_coroutine_create(entry) weft_qemu_create_at((entry), NULL, WEFT_HERE)
#define qemu_coroutine_enter(co, opaque) weft_qemu_enter_2011_at((co), (opaque), WEFT_HERE)
#else
#define qemu_coroutine_create(entry, opaque) weft_qemu_create_at((entry), (opaque), WEFT_HERE)
#define qemu_coroutine_enter(co) weft_qemu_enter_at((co), WEFT_HERE)
#endif
#define qemu_coroutine_yield() weft_qemu_yield_at(WEFT_HERE)
#endif

#endif
