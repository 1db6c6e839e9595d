// Floor: c
//
// weft for C: coroutines with stacks of their own, and an event loop, in C99. A function that has to wait just waits, and
// the thread runs others meanwhile.
//
// A server that sends back what it gets, to any number of clients, in one thread:
//
//     static int serve(void* client) {
//         char buffer[4096];
//         ssize_t n;
//         while ((n = weft_stream_read(client, buffer, sizeof buffer)) > 0 &&
//                weft_stream_write_all(client, buffer, (size_t)n) >= 0) {
//         }
//         weft_stream_close(client);
//         return 0;
//     }
//
//     static int server(void* unused) {
//         weft_listener* listener;
//         weft_stream* client;
//         int error = weft_listen(&listener, "localhost", "7777");
//         while (error >= 0 && (error = weft_accept(listener, &client)) >= 0) {
//             weft_detach(weft_spawn(serve, client));
//         }
//         return error;
//     }
//
//     int main(void) { return weft_run(server, NULL) < 0; }
//
// Below the loop, a coroutine is a function that can stop in the middle:
//
//     static void squares(void* square) {
//         for (int i = 0;; ++i) {
//             *(int*)square = i * i;
//             weft_yield();
//         }
//     }
//
//     int square;
//     weft_coroutine* co = weft_create(squares, &square);
//     for (int i = 0; i < 10; ++i) {
//         weft_enter(co);
//         printf("%d\n", square);
//     }
//     weft_destroy(co);
//
// What holds for all of it:
//
//   Errors     are negative errno values; 0 or more is success. -ECANCELED: the task is cancelled; -ETIMEDOUT: a limit has
//              passed (weft/c/task.h). Where a pointer is returned, NULL means that there is no memory.
//   Misuse     is a bug in the caller. It is found in every build, and ends the program with a message that names the
//              coroutine, and file and line of the calls that don't go together (weft/c/call_sites.h).
//   Waiting    functions suspend the coroutine that calls them; outside a coroutine they run the thread's loop, or block
//              the thread. Those marked WEFT_COROUTINE_FN are for coroutines alone, WEFT_NO_COROUTINE_FN for elsewhere.
//   Threads    each have a loop of their own, made when it is first needed. Only one coroutine of a loop runs at a time.
//              What belongs to a loop (tasks, scopes, streams, files) is used on its thread; locks, queues and channels,
//              weft_wake() and weft_post() on any.
//   C++        exceptions do not cross: one that reaches a C function of weft's ends the program with a message. Destroying
//              a coroutine unwinds nothing; it calls what weft_defer() registered.

#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include <weft/c/coroutine.h>
#include <weft/c/sync.h>
#include <weft/c/task.h>

#if !defined(_WIN32)  // there is no I/O of weft's on Windows yet
#include <weft/c/io.h>
#endif

#include <weft/c/call_sites.h>

#endif
