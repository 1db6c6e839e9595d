// Floor: c
//
// Locks, queues and channels, between coroutines of any loops and plain threads. Fair: first come, first served.
// Nothing here allocates, but for channels. See <weft/weft.h>.
//
//     static weft_mutex m = WEFT_MUTEX_INIT;
//
//     weft_mutex_lock(&m);                  // suspends the coroutine, and not the thread, while another holds it
//     while (jobs == NULL) {
//         weft_queue_wait(&not_empty, &m);  // elsewhere: put a job there, then weft_queue_wake_one(&not_empty)
//     }
//     struct job* job = take_first(&jobs);
//     weft_mutex_unlock(&m);
//
// They lie where the program puts them; their contents are private, and must not be copied or moved. All zero is a
// valid initial state, but for weft_semaphore. Each ..._destroy() ends the program with a message if it is locked, or
// somebody waits. Waits return 0, or -ECANCELED or -ETIMEDOUT when they end early; then they have taken nothing.

#ifndef WEFT_C_SYNC_H
#define WEFT_C_SYNC_H

#include <weft/c/base.h>

WEFT_C_BEGIN

// ---- Mutual exclusion across suspensions ----------------------------------------------------------------------------

typedef struct weft_mutex {
    WEFT_OPAQUE(6);
} weft_mutex;

#define WEFT_MUTEX_INIT                                                                                                \
    {                                                                                                                  \
        { 0 }                                                                                                          \
    }

/// One atomic operation if it is free. Ends the program with a message if the caller holds it.
WEFT_MIXED_FN int weft_mutex_lock(weft_mutex* mutex);
bool weft_mutex_try_lock(weft_mutex* mutex);
/// Ends the program with a message if the caller does not hold it.
void weft_mutex_unlock(weft_mutex* mutex);
/// Whether the caller holds it.
bool weft_mutex_owned(const weft_mutex* mutex);
void weft_mutex_destroy(weft_mutex* mutex);

// ---- One writer or many readers -------------------------------------------------------------------------------------

typedef struct weft_rwlock {
    WEFT_OPAQUE(10);
} weft_rwlock;

#define WEFT_RWLOCK_INIT                                                                                               \
    {                                                                                                                  \
        { 0 }                                                                                                          \
    }

/// Takes the lock as the writer: waits until nobody else holds it.
WEFT_MIXED_FN int weft_rwlock_lock(weft_rwlock* lock);
bool weft_rwlock_try_lock(weft_rwlock* lock);
void weft_rwlock_unlock(weft_rwlock* lock);

/// Takes the lock as a reader: waits while a writer holds it, or came before.
WEFT_MIXED_FN int weft_rwlock_lock_shared(weft_rwlock* lock);
bool weft_rwlock_try_lock_shared(weft_rwlock* lock);
void weft_rwlock_unlock_shared(weft_rwlock* lock);

/// The calling reader becomes the writer without releasing the lock; it waits for the other readers to leave. If that
/// fails, it is still a reader. Ends the program with a message if another reader waits for the same.
WEFT_MIXED_FN int weft_rwlock_upgrade(weft_rwlock* lock);
/// The calling writer becomes a reader without releasing the lock; readers at the head of the queue get it too.
void weft_rwlock_downgrade(weft_rwlock* lock);
void weft_rwlock_destroy(weft_rwlock* lock);

// ---- A queue of waiters: a condition variable, when it is given a mutex ----------------------------------------------

typedef struct weft_queue {
    WEFT_OPAQUE(4);
} weft_queue;

#define WEFT_QUEUE_INIT                                                                                                \
    {                                                                                                                  \
        { 0 }                                                                                                          \
    }

/// Waits to be woken, with `mutex` (unless it is NULL) released meanwhile; it is locked again however the wait ends.
/// No wake-up that comes after the release is missed, and there are no spurious ones.
WEFT_MIXED_FN int weft_queue_wait(weft_queue* queue, weft_mutex* mutex);
/// The same, at the head of the queue: for a waiter that was woken, found nothing to do, and keeps its turn.
WEFT_MIXED_FN int weft_queue_wait_in_front(weft_queue* queue, weft_mutex* mutex);
/// Wakes the one that has waited longest. Returns false if nobody waits.
bool weft_queue_wake_one(weft_queue* queue);
/// Wakes all that wait now, in order; returns how many.
size_t weft_queue_wake_all(weft_queue* queue);
bool weft_queue_empty(const weft_queue* queue);
void weft_queue_destroy(weft_queue* queue);

// ---- A counting semaphore; counted in bytes, it is a budget ----------------------------------------------------------

typedef struct weft_semaphore {
    WEFT_OPAQUE(6);
} weft_semaphore;

/// Starts with `available` units. That is not a maximum: more may be released.
void weft_semaphore_init(weft_semaphore* semaphore, int64_t available);
/// There are never more than `maximum` units: asking for more, which would wait for ever, and releasing more end the program
/// with a message.
void weft_semaphore_init_bounded(weft_semaphore* semaphore, int64_t available, int64_t maximum);
/// Takes `amount` units, waiting until they are available. Ends the program with a message if `amount` is negative, as do the
/// next two.
WEFT_MIXED_FN int weft_semaphore_acquire(weft_semaphore* semaphore, int64_t amount);
bool weft_semaphore_try_acquire(weft_semaphore* semaphore, int64_t amount);
void weft_semaphore_release(weft_semaphore* semaphore, int64_t amount);
int64_t weft_semaphore_available(const weft_semaphore* semaphore);
void weft_semaphore_destroy(weft_semaphore* semaphore);

// ---- Values from coroutine to coroutine ------------------------------------------------------------------------------

typedef struct weft_channel weft_channel;

/// Holds up to `capacity` pointers; with 0, a sender waits for a receiver. NULL: no memory.
weft_channel* weft_channel_new(size_t capacity);
/// Hands `value` to a receiver, or buffers it; waits while there is no room. 0; -EPIPE if the channel is closed.
WEFT_MIXED_FN int weft_channel_send(weft_channel* channel, void* value);
/// Puts the next value into *value; waits for it. 1; 0 if the channel is closed and all values were received.
WEFT_MIXED_FN int weft_channel_receive(weft_channel* channel, void** value);
/// The same, if they need not wait; -EAGAIN if they would have to.
int weft_channel_try_send(weft_channel* channel, void* value);
int weft_channel_try_receive(weft_channel* channel, void** value);
/// Ends sending: senders get -EPIPE. What is buffered can still be received.
void weft_channel_close(weft_channel* channel);
/// How many values are buffered.
size_t weft_channel_size(const weft_channel* channel);
/// Ends the program with a message if somebody waits. NULL is ignored.
void weft_channel_delete(weft_channel* channel);

WEFT_C_END

#endif
