// Floor: c
//
// The loop, the tasks that it runs, time, and blocking calls. See <weft/weft.h>.
//
//     static int fetch(void* url) { ... return 0; }
//
//     weft_limit limit;
//     weft_limit_begin(&limit, 5 * WEFT_SECOND);       // for all that waits until the end
//     weft_task* task = weft_spawn(fetch, url);
//     int result;
//     int error = weft_join(task, &result);            // -ETIMEDOUT: it runs on, so
//     weft_limit_end(&limit);
//     if (error < 0) {
//         weft_cancel(task);
//         weft_join(task, &result);
//     }

#ifndef WEFT_C_TASK_H
#define WEFT_C_TASK_H

#include <weft/c/coroutine.h>

WEFT_C_BEGIN

// ---- Tasks: coroutines that a loop runs. They belong to the loop that they were started on. -----------------------

typedef struct weft_task weft_task;
typedef struct weft_scope weft_scope;

/// A task's body; what it returns is its result.
typedef int weft_body(void* argument);

/// Runs body(argument) as a task on the calling thread's loop, and the loop until it has ended. Then the tasks that
/// are left are cancelled and waited for. Returns what the body returned, or a negative errno if there is no loop.
WEFT_NO_COROUTINE_FN int weft_run(weft_body* body, void* argument);

/// Starts a task on the calling thread's loop: it runs from the loop's next turn on. NULL: no memory for a stack, or no loop.
/// It has to be joined or detached.
weft_task* weft_spawn(weft_body* body, void* argument);
weft_task* weft_spawn_with(const weft_options* options, weft_body* body, void* argument);

/// Waits for the end, puts the result into *result unless `result` is NULL, and frees the task. When the wait ends
/// early, with -ECANCELED or -ETIMEDOUT, the task keeps running and has to be joined or detached later.
WEFT_MIXED_FN int weft_join(weft_task* task, int* result);

/// Asks the task to end: its present wait and all later ones end with -ECANCELED. An operation in the kernel is taken
/// back before the wait ends; bytes that had arrived are delivered.
void weft_cancel(weft_task* task);

/// Lets the task run by itself, to be freed when it has ended. NULL is ignored.
void weft_detach(weft_task* task);

/// Whether weft_join() will not wait.
bool weft_task_done(const weft_task* task);

/// Owns tasks, and leaves none behind: a negative result of one cancels the others. NULL: no memory.
weft_scope* weft_scope_new(void);
/// Starts a task of the scope. 0 or -ENOMEM.
int weft_scope_spawn(weft_scope* scope, weft_body* body, void* argument);
/// Waits until all have ended. Returns the first negative result of one, or 0. When the caller is cancelled
/// meanwhile, cancels them, still waits for them, and returns -ECANCELED.
WEFT_MIXED_FN int weft_scope_join(weft_scope* scope);
/// Asks all its tasks to end, and those that are started before the next join.
void weft_scope_cancel(weft_scope* scope);
/// How many have not ended.
size_t weft_scope_size(const weft_scope* scope);
/// Cancels what is left, waits for it, and frees the scope. NULL is ignored.
WEFT_MIXED_FN void weft_scope_delete(weft_scope* scope);

// ---- Limits ---------------------------------------------------------------------------------------------------------

/// Lies on the stack of whoever waits. Its contents are private.
typedef struct weft_limit {
    WEFT_OPAQUE(32);
} weft_limit;

/// From here to weft_limit_end() the caller's waits end with -ETIMEDOUT when `timeout` nanoseconds have passed: the
/// present one, and each that begins later. Limits nest; the tightest wins. Ends the program with a message in a
/// coroutine that no loop runs.
void weft_limit_begin(weft_limit* limit, int64_t timeout);
/// Returns whether that limit was met. Call it in the reverse order of the begins.
bool weft_limit_end(weft_limit* limit);

/// Between the two, neither cancellation nor a limit ends the caller's waits: for cleaning up.
void weft_shield_begin(void);
void weft_shield_end(void);

/// Whether a wait that the caller would begin now would end at once.
bool weft_stop_requested(void);

// ---- The loop -------------------------------------------------------------------------------------------------------

typedef struct weft_loop weft_loop;

/// The calling thread's; created if there is none. NULL: the system refuses one.
weft_loop* weft_current_loop(void);

/// Calls f(argument) in one of the loop's next turns, on its thread, outside any coroutine; in the order of posting. The
/// loop must not end meanwhile. Returns 0 or -ENOMEM. Threads: any.
int weft_post(weft_loop* loop, void (*f)(void*), void* argument);

/// The calling task continues on the thread of that loop, which has to be run until the task has left it or has ended.
/// Returns 0 or, at a task's first move, -ENOMEM.
WEFT_COROUTINE_FN int weft_move_to(weft_loop* loop);

/// One turn of the calling thread's loop: runs what is ready; if nothing is and `wait` is set, waits until something is.
WEFT_NO_COROUTINE_FN void weft_run_once(bool wait);
/// Runs the calling thread's loop until *done, which something that it runs has to set.
WEFT_NO_COROUTINE_FN void weft_run_until(const bool* done);

/// "io_uring", "epoll".
const char* weft_reactor_name(const weft_loop* loop);

// ---- Time, in nanoseconds -------------------------------------------------------------------------------------------

#define WEFT_MICROSECOND INT64_C(1000)
#define WEFT_MILLISECOND INT64_C(1000000)
#define WEFT_SECOND INT64_C(1000000000)

/// The time of the steady clock (CLOCK_MONOTONIC).
int64_t weft_now(void);

/// Returns 0 after at least that time, or -ECANCELED or -ETIMEDOUT.
WEFT_MIXED_FN int weft_sleep(int64_t time);
WEFT_MIXED_FN int weft_sleep_until(int64_t when);

// ---- Calls that block the thread ------------------------------------------------------------------------------------

/// Calls f(argument) on a thread of the loop's pool, and waits. 0; -ECANCELED or -ETIMEDOUT if the wait ended before
/// it had begun (then it is not called); -EAGAIN if no thread is available. A call that has begun is always waited
/// for.
WEFT_MIXED_FN int weft_offload(void (*f)(void*), void* argument);

WEFT_C_END

#endif
