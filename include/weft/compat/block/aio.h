// Floor: c
//
// AioContext: the event loop of a thread, here a weft loop. Each thread has one of its own, made when it is first needed, by
// that thread: so a context is not created for another thread; take an IOThread for that.

#ifndef QEMU_AIO_H
#define QEMU_AIO_H

#include <qemu/coroutine.h>

WEFT_C_BEGIN

/// The calling thread's.
AioContext* qemu_get_current_aio_context(void) WEFT_SYMBOL_OF(qemu_get_current_aio_context);

/// That of the thread that called qemu_init_main_loop(), or, without, the calling thread's.
typedef struct Error Error;
int qemu_init_main_loop(Error** errp) WEFT_SYMBOL_OF(qemu_init_main_loop);
AioContext* qemu_get_aio_context(void) WEFT_SYMBOL_OF(qemu_get_aio_context);

/// Runs what is ready; if nothing is and `blocking` is set, waits for something, and runs that. Returns whether it ran
/// anything. `ctx` is the calling thread's.
bool no_coroutine_fn aio_poll(AioContext* ctx, bool blocking) WEFT_SYMBOL_OF(aio_poll);

/// Enters the coroutine on that context's thread, in one of its next turns: so never before the caller has yielded, if it is
/// the one. Ends the program with a message that names both if it is scheduled already. Threads: any.
void aio_co_schedule(AioContext* ctx, Coroutine* co) WEFT_SYMBOL_OF(aio_co_schedule);
/// Lets it go on on the context that it last ran on. From another thread: aio_co_schedule(); from its own, outside coroutines:
/// enters it; inside one: it runs when the caller yields or ends. Threads: any.
void aio_co_wake(Coroutine* co) WEFT_SYMBOL_OF(aio_co_wake);
/// The same, on `ctx`.
void aio_co_enter(AioContext* ctx, Coroutine* co) WEFT_SYMBOL_OF(aio_co_enter);
/// The calling coroutine continues on `new_ctx`.
void coroutine_fn aio_co_reschedule_self(AioContext* new_ctx) WEFT_SYMBOL_OF(aio_co_reschedule_self);

// ---- Bottom halves: calls to a context -------------------------------------------------------------------------------

typedef void QEMUBHFunc(void* opaque);
typedef struct QEMUBH QEMUBH;

/// Calls cb(opaque) in one of the context's next turns, outside coroutines; in the order of scheduling. Threads: any.
void aio_bh_schedule_oneshot(AioContext* ctx, QEMUBHFunc* cb, void* opaque) WEFT_SYMBOL_OF(aio_bh_schedule_oneshot);

/// The same for a call that is kept, and can be scheduled again and again. Created and deleted on the context's thread.
QEMUBH* aio_bh_new(AioContext* ctx, QEMUBHFunc* cb, void* opaque) WEFT_SYMBOL_OF(aio_bh_new);
/// Once for any number of calls before it runs. Threads: any.
void qemu_bh_schedule(QEMUBH* bh) WEFT_SYMBOL_OF(qemu_bh_schedule);
/// It is not called, if it has not been yet. Threads: any.
void qemu_bh_cancel(QEMUBH* bh) WEFT_SYMBOL_OF(qemu_bh_cancel);
/// Also from its own callback.
void qemu_bh_delete(QEMUBH* bh) WEFT_SYMBOL_OF(qemu_bh_delete);

// ---- A thread that polls a context of its own ------------------------------------------------------------------------

typedef struct IOThread IOThread;

IOThread* iothread_new(void) WEFT_SYMBOL_OF(iothread_new);
AioContext* iothread_get_aio_context(IOThread* iothread) WEFT_SYMBOL_OF(iothread_get_aio_context);
/// Runs what its context was given before, ends the thread, and frees it. Not while coroutines are left on it.
void iothread_join(IOThread* iothread) WEFT_SYMBOL_OF(iothread_join);

WEFT_C_END

#endif
