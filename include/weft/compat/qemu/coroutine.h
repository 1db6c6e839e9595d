// Floor: c
//
// QEMU's coroutines, on weft. Add the folder include/weft/compat to the include path, and code that was written for them
// compiles unchanged; with WEFT_QEMU_2011 defined before the include, code for their first version too.
//
//     static void coroutine_fn copy(void *opaque) {
//         Job *job = opaque;
//         qemu_co_mutex_lock(&job->lock);
//         job->result = qemu_co_recv(job->fd, job->buffer, job->size);
//         qemu_co_mutex_unlock(&job->lock);
//     }
//
//     qemu_coroutine_enter(qemu_coroutine_create(copy, job));
//     while (!job->done) {
//         aio_poll(qemu_get_current_aio_context(), true);       // <block/aio.h>
//     }
//
// An AioContext is a weft loop, so the functions of <weft/weft.h> may be called in these coroutines as well. Those of this
// file that wait are for coroutines that qemu_coroutine_create() made.

#ifndef QEMU_COROUTINE_H
#define QEMU_COROUTINE_H

#include <qemu/coroutine-core.h>
#if !defined(_WIN32)
#include <sys/uio.h>
#endif

WEFT_C_BEGIN

// ---- Locks; CoMutex is in <qemu/coroutine-core.h>. They lie where the program puts them, and must be initialised;
// all zero is a valid state, too. --------------------------------------------------------------------------------------

/// Coroutines that wait for each other. The lock that is given to the wait guards it against other threads.
typedef struct CoQueue {
    WEFT_OPAQUE(2);
} CoQueue;

typedef enum {
    CO_QUEUE_WAIT_FRONT = 0x1  ///< before those that wait already
} CoQueueWaitFlags;

void qemu_co_queue_init(CoQueue* queue) WEFT_SYMBOL_OF(qemu_co_queue_init);

// Unlocks `lock`, which may be a CoMutex, a QemuMutex, a pthread_mutex_t, or NULL, waits until it is woken, and locks it.
#define qemu_co_queue_wait(queue, lock) qemu_co_queue_wait_impl((queue), QEMU_MAKE_LOCKABLE(lock), (CoQueueWaitFlags)0)
#define qemu_co_queue_wait_flags(queue, lock, flags) qemu_co_queue_wait_impl((queue), QEMU_MAKE_LOCKABLE(lock), (flags))
void coroutine_fn qemu_co_queue_wait_impl(CoQueue* queue, QemuLockable* lock, CoQueueWaitFlags flags)
    WEFT_SYMBOL_OF(qemu_co_queue_wait_impl);

/// Wakes the one that has waited longest; it runs when the caller yields or ends. Returns false if nobody waits.
bool coroutine_mixed_fn qemu_co_queue_next(CoQueue* queue) WEFT_SYMBOL_OF(qemu_co_queue_next);
/// Wakes all that wait now.
void coroutine_mixed_fn qemu_co_queue_restart_all(CoQueue* queue) WEFT_SYMBOL_OF(qemu_co_queue_restart_all);

// The same outside coroutines: enters it, with `lock` unlocked meanwhile.
#define qemu_co_enter_next(queue, lock) qemu_co_enter_next_impl((queue), QEMU_MAKE_LOCKABLE(lock))
#define qemu_co_enter_all(queue, lock) qemu_co_enter_all_impl((queue), QEMU_MAKE_LOCKABLE(lock))
bool coroutine_mixed_fn qemu_co_enter_next_impl(CoQueue* queue, QemuLockable* lock)
    WEFT_SYMBOL_OF(qemu_co_enter_next_impl);
void coroutine_mixed_fn qemu_co_enter_all_impl(CoQueue* queue, QemuLockable* lock)
    WEFT_SYMBOL_OF(qemu_co_enter_all_impl);

bool qemu_co_queue_empty(CoQueue* queue) WEFT_SYMBOL_OF(qemu_co_queue_empty);

/// One writer or many readers. First come, first served; adjacent waiting readers get the lock together.
typedef struct CoRwlock {
    WEFT_OPAQUE(4);
} CoRwlock;

void qemu_co_rwlock_init(CoRwlock* lock) WEFT_SYMBOL_OF(qemu_co_rwlock_init);
void coroutine_fn qemu_co_rwlock_rdlock(CoRwlock* lock) WEFT_SYMBOL_OF(qemu_co_rwlock_rdlock);
void coroutine_fn qemu_co_rwlock_wrlock(CoRwlock* lock) WEFT_SYMBOL_OF(qemu_co_rwlock_wrlock);
/// A reader becomes the writer. It queues for that like any other, so one that was before it may write meanwhile.
void coroutine_fn qemu_co_rwlock_upgrade(CoRwlock* lock) WEFT_SYMBOL_OF(qemu_co_rwlock_upgrade);
/// The writer becomes a reader without releasing the lock.
void coroutine_fn qemu_co_rwlock_downgrade(CoRwlock* lock) WEFT_SYMBOL_OF(qemu_co_rwlock_downgrade);
void coroutine_fn qemu_co_rwlock_unlock(CoRwlock* lock) WEFT_SYMBOL_OF(qemu_co_rwlock_unlock);

// ---- Time. All clocks are the steady one. -----------------------------------------------------------------------------

typedef enum {
    QEMU_CLOCK_REALTIME = 0,
    QEMU_CLOCK_VIRTUAL = 1,
    QEMU_CLOCK_HOST = 2,
    QEMU_CLOCK_VIRTUAL_RT = 3,
    QEMU_CLOCK_MAX
} QEMUClockType;

typedef struct QemuCoSleep {
    Coroutine* to_wake;  ///< NULL at first
} QemuCoSleep;

/// Returns at least `ns` nanoseconds later.
void coroutine_fn qemu_co_sleep_ns(QEMUClockType type, int64_t ns) WEFT_SYMBOL_OF(qemu_co_sleep_ns);
/// The same, unless qemu_co_sleep_wake(w) is called before.
void coroutine_fn qemu_co_sleep_ns_wakeable(QemuCoSleep* w, QEMUClockType type, int64_t ns)
    WEFT_SYMBOL_OF(qemu_co_sleep_ns_wakeable);
/// The same without end.
void coroutine_fn qemu_co_sleep(QemuCoSleep* w) WEFT_SYMBOL_OF(qemu_co_sleep);
/// Does nothing if nobody sleeps there.
void qemu_co_sleep_wake(QemuCoSleep* w) WEFT_SYMBOL_OF(qemu_co_sleep_wake);

typedef void CleanupFunc(void* opaque);

/// Runs entry(opaque) in a coroutine of its own. Returns 0 if it has ended before `timeout_ns` have passed (0: no
/// limit); -ETIMEDOUT if not: it then keeps running, and when it has ended, clean(opaque) is called unless `clean` is
/// NULL.
int coroutine_fn qemu_co_timeout(CoroutineEntry* entry, void* opaque, uint64_t timeout_ns, CleanupFunc* clean)
    WEFT_SYMBOL_OF(qemu_co_timeout);

#if !defined(_WIN32)

// ---- Descriptors ------------------------------------------------------------------------------------------------------

/// Waits until it is readable, or has failed.
void coroutine_fn yield_until_fd_readable(int fd) WEFT_SYMBOL_OF(yield_until_fd_readable);

/// Sends or receives `bytes` bytes of the buffers, from `offset` on, waiting as often as it has to. Returns how many: fewer if
/// the peer has ended its side, or an error came after some; -errno if it came at once.
ssize_t coroutine_fn qemu_co_sendv_recvv(int sockfd, struct iovec* iov, unsigned iov_cnt, size_t offset, size_t bytes,
                                         bool do_send) WEFT_SYMBOL_OF(qemu_co_sendv_recvv);
ssize_t coroutine_fn qemu_co_send_recv(int sockfd, void* buf, size_t bytes, bool do_send)
    WEFT_SYMBOL_OF(qemu_co_send_recv);
#define qemu_co_recvv(sockfd, iov, iov_cnt, offset, bytes)                                                             \
    qemu_co_sendv_recvv((sockfd), (iov), (iov_cnt), (offset), (bytes), false)
#define qemu_co_sendv(sockfd, iov, iov_cnt, offset, bytes)                                                             \
    qemu_co_sendv_recvv((sockfd), (iov), (iov_cnt), (offset), (bytes), true)
#define qemu_co_recv(sockfd, buf, bytes) qemu_co_send_recv((sockfd), (buf), (bytes), false)
#define qemu_co_send(sockfd, buf, bytes) qemu_co_send_recv((sockfd), (void*)(buf), (bytes), true)

#endif

WEFT_C_END

#include <qemu/lockable.h>
#include <weft/compat/co-wrapper.h>

#endif
