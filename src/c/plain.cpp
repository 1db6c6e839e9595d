// Floor: c
//
// The plain functions, for callers that are no C compiler: as their twins of <weft/c/call_sites.h>, at an unknown place.

#include "c/face.hpp"

extern "C" {

weft_coroutine* weft_create(void (*body)(void*), void* argument) {
    return weft_create_at(body, argument, 0);
}

weft_coroutine* weft_create_with(const weft_options* options, void (*body)(void*), void* argument) {
    return weft_create_with_at(options, body, argument, 0);
}

bool weft_enter(weft_coroutine* coroutine) {
    return weft_enter_at(coroutine, 0);
}

void weft_destroy(weft_coroutine* coroutine) {
    weft_destroy_at(coroutine, 0);
}

void weft_yield() {
    weft_yield_at(0);
}

void weft_suspend(void (*parked)(weft_coroutine*, void*), void* argument) {
    weft_suspend_at(parked, argument, 0);
}

void weft_wake(weft_coroutine* coroutine) {
    weft_wake_at(coroutine, 0);
}

int weft_run(weft_body* body, void* argument) {
    return weft_run_at(body, argument, 0);
}

weft_task* weft_spawn(weft_body* body, void* argument) {
    return weft_spawn_at(body, argument, 0);
}

weft_task* weft_spawn_with(const weft_options* options, weft_body* body, void* argument) {
    return weft_spawn_with_at(options, body, argument, 0);
}

int weft_join(weft_task* task, int* result) {
    return weft_join_at(task, result, 0);
}

int weft_scope_spawn(weft_scope* scope, weft_body* body, void* argument) {
    return weft_scope_spawn_at(scope, body, argument, 0);
}

int weft_scope_join(weft_scope* scope) {
    return weft_scope_join_at(scope, 0);
}

void weft_limit_begin(weft_limit* limit, int64_t timeout) {
    weft_limit_begin_at(limit, timeout, 0);
}

int weft_move_to(weft_loop* loop) {
    return weft_move_to_at(loop, 0);
}

int weft_sleep(int64_t time) {
    return weft_sleep_at(time, 0);
}

int weft_sleep_until(int64_t when) {
    return weft_sleep_until_at(when, 0);
}

int weft_offload(void (*f)(void*), void* argument) {
    return weft_offload_at(f, argument, 0);
}

int weft_mutex_lock(weft_mutex* mutex) {
    return weft_mutex_lock_at(mutex, 0);
}

void weft_mutex_unlock(weft_mutex* mutex) {
    weft_mutex_unlock_at(mutex, 0);
}

int weft_rwlock_lock(weft_rwlock* lock) {
    return weft_rwlock_lock_at(lock, 0);
}

void weft_rwlock_unlock(weft_rwlock* lock) {
    weft_rwlock_unlock_at(lock, 0);
}

int weft_rwlock_lock_shared(weft_rwlock* lock) {
    return weft_rwlock_lock_shared_at(lock, 0);
}

void weft_rwlock_unlock_shared(weft_rwlock* lock) {
    weft_rwlock_unlock_shared_at(lock, 0);
}

int weft_rwlock_upgrade(weft_rwlock* lock) {
    return weft_rwlock_upgrade_at(lock, 0);
}

void weft_rwlock_downgrade(weft_rwlock* lock) {
    weft_rwlock_downgrade_at(lock, 0);
}

int weft_queue_wait(weft_queue* queue, weft_mutex* mutex) {
    return weft_queue_wait_at(queue, mutex, 0);
}

int weft_queue_wait_in_front(weft_queue* queue, weft_mutex* mutex) {
    return weft_queue_wait_in_front_at(queue, mutex, 0);
}

int weft_semaphore_acquire(weft_semaphore* semaphore, int64_t amount) {
    return weft_semaphore_acquire_at(semaphore, amount, 0);
}

int weft_channel_send(weft_channel* channel, void* value) {
    return weft_channel_send_at(channel, value, 0);
}

int weft_channel_receive(weft_channel* channel, void** value) {
    return weft_channel_receive_at(channel, value, 0);
}

}  // extern "C"
