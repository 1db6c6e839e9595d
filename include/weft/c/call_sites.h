// Floor: c
//
// Where a call stands in the source. Messages about misuse, weft::dump() and debuggers name it:
//
//     weft: server.c:52: coroutine "reader" (id 17, created at server.c:30) entered while it is already running; it was entered at server.c:41
//
// Each function that can be misused, or that waits, has a twin that takes the call site: weft_yield_at() is that of
// weft_yield(). The macros here call the twins. Other languages call the plain functions, for which messages say that
// the call site is unknown. `&weft_yield` is the plain function; WEFT_C_PLAIN_FUNCTIONS, defined before the include,
// turns the macros off.

#ifndef WEFT_C_CALL_SITES_H
#define WEFT_C_CALL_SITES_H

#include <weft/c/coroutine.h>
#include <weft/c/sync.h>
#include <weft/c/task.h>
#if !defined(_WIN32)
#include <weft/c/io.h>
#endif

/// One word: the line in the upper 16 bits, the address of the file's name below. 0: unknown.
typedef uint64_t weft_call_site;
#define WEFT_LINE (__LINE__ < 0xffff ? __LINE__ : 0xffff)
#ifdef __cplusplus
#define WEFT_FILE static_cast<weft_call_site>(reinterpret_cast<uintptr_t>(__FILE__))
#define WEFT_HERE (static_cast<weft_call_site>(WEFT_LINE) << 48 | WEFT_FILE)
#else
#define WEFT_FILE ((weft_call_site)(uintptr_t)__FILE__)
#define WEFT_HERE ((weft_call_site)WEFT_LINE << 48 | WEFT_FILE)
#endif

WEFT_C_BEGIN

weft_coroutine* weft_create_at(void (*body)(void*), void* argument, weft_call_site where);
weft_coroutine* weft_create_with_at(const weft_options* options, void (*body)(void*), void* argument,
                                    weft_call_site where);
bool weft_enter_at(weft_coroutine* coroutine, weft_call_site where);
void weft_destroy_at(weft_coroutine* coroutine, weft_call_site where);
WEFT_COROUTINE_FN void weft_yield_at(weft_call_site where);
WEFT_COROUTINE_FN void weft_suspend_at(void (*parked)(weft_coroutine*, void*), void* argument, weft_call_site where);
void weft_wake_at(weft_coroutine* coroutine, weft_call_site where);

WEFT_NO_COROUTINE_FN int weft_run_at(weft_body* body, void* argument, weft_call_site where);
weft_task* weft_spawn_at(weft_body* body, void* argument, weft_call_site where);
weft_task* weft_spawn_with_at(const weft_options* options, weft_body* body, void* argument, weft_call_site where);
WEFT_MIXED_FN int weft_join_at(weft_task* task, int* result, weft_call_site where);
int weft_scope_spawn_at(weft_scope* scope, weft_body* body, void* argument, weft_call_site where);
WEFT_MIXED_FN int weft_scope_join_at(weft_scope* scope, weft_call_site where);
void weft_limit_begin_at(weft_limit* limit, int64_t timeout, weft_call_site where);
WEFT_COROUTINE_FN int weft_move_to_at(weft_loop* loop, weft_call_site where);
WEFT_MIXED_FN int weft_sleep_at(int64_t time, weft_call_site where);
WEFT_MIXED_FN int weft_sleep_until_at(int64_t when, weft_call_site where);
WEFT_MIXED_FN int weft_offload_at(void (*f)(void*), void* argument, weft_call_site where);

WEFT_MIXED_FN int weft_mutex_lock_at(weft_mutex* mutex, weft_call_site where);
void weft_mutex_unlock_at(weft_mutex* mutex, weft_call_site where);
WEFT_MIXED_FN int weft_rwlock_lock_at(weft_rwlock* lock, weft_call_site where);
void weft_rwlock_unlock_at(weft_rwlock* lock, weft_call_site where);
WEFT_MIXED_FN int weft_rwlock_lock_shared_at(weft_rwlock* lock, weft_call_site where);
void weft_rwlock_unlock_shared_at(weft_rwlock* lock, weft_call_site where);
WEFT_MIXED_FN int weft_rwlock_upgrade_at(weft_rwlock* lock, weft_call_site where);
void weft_rwlock_downgrade_at(weft_rwlock* lock, weft_call_site where);
WEFT_MIXED_FN int weft_queue_wait_at(weft_queue* queue, weft_mutex* mutex, weft_call_site where);
WEFT_MIXED_FN int weft_queue_wait_in_front_at(weft_queue* queue, weft_mutex* mutex, weft_call_site where);
WEFT_MIXED_FN int weft_semaphore_acquire_at(weft_semaphore* semaphore, int64_t amount, weft_call_site where);
WEFT_MIXED_FN int weft_channel_send_at(weft_channel* channel, void* value, weft_call_site where);
WEFT_MIXED_FN int weft_channel_receive_at(weft_channel* channel, void** value, weft_call_site where);

#if !defined(_WIN32)
WEFT_MIXED_FN int weft_wait_readable_at(int fd, weft_call_site where);
WEFT_MIXED_FN int weft_wait_writable_at(int fd, weft_call_site where);
WEFT_MIXED_FN int weft_connect_at(weft_stream** stream, const char* host, const char* service, weft_call_site where);
WEFT_MIXED_FN int weft_connect_unix_at(weft_stream** stream, const char* path, weft_call_site where);
WEFT_MIXED_FN ssize_t weft_stream_read_at(weft_stream* stream, void* buffer, size_t size, weft_call_site where);
WEFT_MIXED_FN ssize_t weft_stream_read_exact_at(weft_stream* stream, void* buffer, size_t size, weft_call_site where);
WEFT_MIXED_FN ssize_t weft_stream_write_all_at(weft_stream* stream, const void* buffer, size_t size,
                                               weft_call_site where);
WEFT_MIXED_FN ssize_t weft_stream_writev_all_at(weft_stream* stream, struct iovec* buffers, size_t count,
                                                weft_call_site where);
WEFT_MIXED_FN int weft_accept_at(weft_listener* listener, weft_stream** stream, weft_call_site where);
#endif

WEFT_C_END

#if !defined(WEFT_C_PLAIN_FUNCTIONS)
#define weft_create(...) weft_create_at(__VA_ARGS__, WEFT_HERE)
#define weft_create_with(...) weft_create_with_at(__VA_ARGS__, WEFT_HERE)
#define weft_enter(...) weft_enter_at(__VA_ARGS__, WEFT_HERE)
#define weft_destroy(...) weft_destroy_at(__VA_ARGS__, WEFT_HERE)
#define weft_yield() weft_yield_at(WEFT_HERE)
#define weft_suspend(...) weft_suspend_at(__VA_ARGS__, WEFT_HERE)
#define weft_wake(...) weft_wake_at(__VA_ARGS__, WEFT_HERE)

#define weft_run(...) weft_run_at(__VA_ARGS__, WEFT_HERE)
#define weft_spawn(...) weft_spawn_at(__VA_ARGS__, WEFT_HERE)
#define weft_spawn_with(...) weft_spawn_with_at(__VA_ARGS__, WEFT_HERE)
#define weft_join(...) weft_join_at(__VA_ARGS__, WEFT_HERE)
#define weft_scope_spawn(...) weft_scope_spawn_at(__VA_ARGS__, WEFT_HERE)
#define weft_scope_join(...) weft_scope_join_at(__VA_ARGS__, WEFT_HERE)
#define weft_limit_begin(...) weft_limit_begin_at(__VA_ARGS__, WEFT_HERE)
#define weft_move_to(...) weft_move_to_at(__VA_ARGS__, WEFT_HERE)
#define weft_sleep(...) weft_sleep_at(__VA_ARGS__, WEFT_HERE)
#define weft_sleep_until(...) weft_sleep_until_at(__VA_ARGS__, WEFT_HERE)
#define weft_offload(...) weft_offload_at(__VA_ARGS__, WEFT_HERE)

#define weft_mutex_lock(...) weft_mutex_lock_at(__VA_ARGS__, WEFT_HERE)
#define weft_mutex_unlock(...) weft_mutex_unlock_at(__VA_ARGS__, WEFT_HERE)
#define weft_rwlock_lock(...) weft_rwlock_lock_at(__VA_ARGS__, WEFT_HERE)
#define weft_rwlock_unlock(...) weft_rwlock_unlock_at(__VA_ARGS__, WEFT_HERE)
#define weft_rwlock_lock_shared(...) weft_rwlock_lock_shared_at(__VA_ARGS__, WEFT_HERE)
#define weft_rwlock_unlock_shared(...) weft_rwlock_unlock_shared_at(__VA_ARGS__, WEFT_HERE)
#define weft_rwlock_upgrade(...) weft_rwlock_upgrade_at(__VA_ARGS__, WEFT_HERE)
#define weft_rwlock_downgrade(...) weft_rwlock_downgrade_at(__VA_ARGS__, WEFT_HERE)
#define weft_queue_wait(...) weft_queue_wait_at(__VA_ARGS__, WEFT_HERE)
#define weft_queue_wait_in_front(...) weft_queue_wait_in_front_at(__VA_ARGS__, WEFT_HERE)
#define weft_semaphore_acquire(...) weft_semaphore_acquire_at(__VA_ARGS__, WEFT_HERE)
#define weft_channel_send(...) weft_channel_send_at(__VA_ARGS__, WEFT_HERE)
#define weft_channel_receive(...) weft_channel_receive_at(__VA_ARGS__, WEFT_HERE)

#define weft_wait_readable(...) weft_wait_readable_at(__VA_ARGS__, WEFT_HERE)
#define weft_wait_writable(...) weft_wait_writable_at(__VA_ARGS__, WEFT_HERE)
#define weft_connect(...) weft_connect_at(__VA_ARGS__, WEFT_HERE)
#define weft_connect_unix(...) weft_connect_unix_at(__VA_ARGS__, WEFT_HERE)
#define weft_stream_read(...) weft_stream_read_at(__VA_ARGS__, WEFT_HERE)
#define weft_stream_read_exact(...) weft_stream_read_exact_at(__VA_ARGS__, WEFT_HERE)
#define weft_stream_write_all(...) weft_stream_write_all_at(__VA_ARGS__, WEFT_HERE)
#define weft_stream_writev_all(...) weft_stream_writev_all_at(__VA_ARGS__, WEFT_HERE)
#define weft_accept(...) weft_accept_at(__VA_ARGS__, WEFT_HERE)
#endif

#endif
