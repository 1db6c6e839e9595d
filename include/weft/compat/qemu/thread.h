// Floor: c
//
// Of QEMU's threads, the plain mutex.

#ifndef QEMU_THREAD_H
#define QEMU_THREAD_H

#include <pthread.h>

// clang-format off
typedef struct QemuMutex { pthread_mutex_t lock; } QemuMutex;
// clang-format on

static inline void qemu_mutex_init(QemuMutex* mutex) {
    pthread_mutex_init(&mutex->lock, NULL);
}
static inline void qemu_mutex_destroy(QemuMutex* mutex) {
    pthread_mutex_destroy(&mutex->lock);
}
static inline void qemu_mutex_lock(QemuMutex* mutex) {
    pthread_mutex_lock(&mutex->lock);
}
static inline void qemu_mutex_unlock(QemuMutex* mutex) {
    pthread_mutex_unlock(&mutex->lock);
}

#endif
