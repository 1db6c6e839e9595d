// Floor: c
//
// QEMU_MAKE_LOCKABLE(x): any lock in one shape. x is a CoMutex *, a QemuMutex *, a pthread_mutex_t *, or NULL for
// none. The result is valid in the enclosing block (in C) or expression (in C++).

#ifndef QEMU_LOCKABLE_H
#define QEMU_LOCKABLE_H

#include <qemu/coroutine-core.h>
#include <qemu/thread.h>

typedef void coroutine_mixed_fn QemuLockUnlockFunc(void*);

struct QemuLockable {
    void* object;
    QemuLockUnlockFunc* lock;
    QemuLockUnlockFunc* unlock;
};

static inline coroutine_mixed_fn void qemu_lockable_lock(QemuLockable* x) {
    x->lock(x->object);
}
static inline coroutine_mixed_fn void qemu_lockable_unlock(QemuLockable* x) {
    x->unlock(x->object);
}

WEFT_C_BEGIN
/// weft's own: says that `function` was called outside a coroutine, and ends the program.
void weft_co_outside(const char* function);
WEFT_C_END

static inline coroutine_mixed_fn void weft_lock_CoMutex(void* object) {
    if (qemu_in_coroutine()) {
        qemu_co_mutex_lock((CoMutex*)object);
    } else {
        weft_co_outside("qemu_co_mutex_lock");
    }
}
static inline coroutine_mixed_fn void weft_unlock_CoMutex(void* object) {
    if (qemu_in_coroutine()) {
        qemu_co_mutex_unlock((CoMutex*)object);
    } else {
        weft_co_outside("qemu_co_mutex_unlock");
    }
}
static inline void weft_lock_QemuMutex(void* object) {
    qemu_mutex_lock((QemuMutex*)object);
}
static inline void weft_unlock_QemuMutex(void* object) {
    qemu_mutex_unlock((QemuMutex*)object);
}
static inline void weft_lock_pthread(void* object) {
    pthread_mutex_lock((pthread_mutex_t*)object);
}
static inline void weft_unlock_pthread(void* object) {
    pthread_mutex_unlock((pthread_mutex_t*)object);
}

#ifdef __cplusplus

struct WeftLockable : QemuLockable {
    WeftLockable(CoMutex* m) : QemuLockable{m, weft_lock_CoMutex, weft_unlock_CoMutex} {}
    WeftLockable(QemuMutex* m) : QemuLockable{m, weft_lock_QemuMutex, weft_unlock_QemuMutex} {}
    WeftLockable(pthread_mutex_t* m) : QemuLockable{m, weft_lock_pthread, weft_unlock_pthread} {}
    WeftLockable(decltype(nullptr)) : QemuLockable{nullptr, nullptr, nullptr} {}
    operator QemuLockable*() { return object == nullptr ? nullptr : this; }
};
#define QEMU_MAKE_LOCKABLE(x) (static_cast<QemuLockable*>(WeftLockable(x)))

#else

static inline QemuLockable* weft_lockable_or_null(QemuLockable* x) {
    return x->object == NULL ? NULL : x;
}
// clang-format off
#define WEFT_LOCKABLE(x, name) \
    weft_lockable_or_null(&(QemuLockable){(void*)(x), weft_lock_##name, weft_unlock_##name})
#define QEMU_MAKE_LOCKABLE(x)                          \
    (__extension__ _Generic((x),                       \
         CoMutex*: WEFT_LOCKABLE(x, CoMutex),          \
         QemuMutex*: WEFT_LOCKABLE(x, QemuMutex),      \
         pthread_mutex_t*: WEFT_LOCKABLE(x, pthread),  \
         void*: NULL))
// clang-format on

#endif

/// QEMU_LOCK_GUARD(x): locked from here to the end of the block.
static inline coroutine_mixed_fn void weft_unlock_guard(QemuLockable** guard) {
    qemu_lockable_unlock(*guard);
}
static inline coroutine_mixed_fn QemuLockable* weft_lock_guard(QemuLockable* x) {
    qemu_lockable_lock(x);
    return x;
}
#define WEFT_PASTE_(a, b) a##b
#define WEFT_PASTE(a, b) WEFT_PASTE_(a, b)
#ifdef __cplusplus
#define QEMU_LOCK_GUARD(x)                                                                                             \
    WeftLockable WEFT_PASTE(weft_lockable_, __LINE__)(x);                                                              \
    WEFT_QEMU_LOCK_GUARD(WEFT_PASTE(weft_lockable_, __LINE__))
#else
#define QEMU_LOCK_GUARD(x) WEFT_QEMU_LOCK_GUARD(QEMU_MAKE_LOCKABLE(x))
#endif
#define WEFT_QEMU_LOCK_GUARD(lockable)                                                                                 \
    __attribute__((cleanup(weft_unlock_guard), unused)) QemuLockable* WEFT_PASTE(weft_guard_, __LINE__) =              \
        weft_lock_guard(lockable)

#endif
