// Floor: c
//
// QEMU's coroutines on weft's. What differs is who runs whom when:
//
//   * A wake-up on the waker's own context does not go through the loop. It is queued on the thread, and whoever entered the
//     waker enters it after the waker has left, and before it goes on itself:
//
//         main: enter(A)   A: wakes B, C; yields
//                          B: wakes D; yields      what B woke goes before what was waiting:
//                          D: ends                 depth first
//                          C: ends
//         main: goes on
//
//   * One from another thread, or for another context, is a call posted to that context's loop, which enters the coroutine.
//   * So these coroutines never stand in a loop's queue, but for waits in weft's own functions. Then it is the loop that
//     enters them, and what they wake until they leave is run by a call that the first wake-up has posted.
//   * A coroutine that has ended is freed by whoever entered it last.

#pragma once

#include <atomic>
#include <weft/detail/coroutine/executor.hpp>
#include <weft/detail/wait/waiter.hpp>

#include "c/face.hpp"

#include "block/aio.h"

namespace weft::c {

using detail::control_block;
using detail::executor;

/// What a coroutine has beside its control block, on the same stack. It is posted to a loop that is to enter it.
struct qemu_coroutine : detail::posted {
    control_block* block = nullptr;
    CoroutineEntry* entry = nullptr;
    void* argument = nullptr;
    bool started = false;                         ///< The argument is settled.
    std::uint32_t locks_held = 0;                 ///< CoMutexes and CoRwlocks.
    std::atomic<char const*> scheduled{nullptr};  ///< Who will enter it: nobody else may then.
    executor* target = nullptr;  ///< Where it is posted to next, when it has left the thread that it is on.
};

/// Of a coroutine that is none of these, ends the program with a message.
qemu_coroutine& of(Coroutine* co, char const* function);
[[nodiscard]] inline Coroutine* handle_of(qemu_coroutine& q) {
    return reinterpret_cast<Coroutine*>(q.block);
}

/// The calling one.
qemu_coroutine& self_or_die(char const* function);

/// Takes it for `function`; ends the program with a message if somebody has before.
void set_scheduled(qemu_coroutine& q, char const* function) noexcept;

/// aio_co_wake().
void wake(qemu_coroutine& q) noexcept;

/// Lets the calling coroutine wait.
WEFT_COROUTINE_FN void yield(char const* function) noexcept;

/// aio_co_schedule(), for one that is marked already.
void post(executor& to, qemu_coroutine& q) noexcept;

/// The calling thread's loop, made if there is none. Ends the program with a message if there can't be one.
loop& own_loop() noexcept;

/// Ends the program with a message, where QEMU would assert.
void require(bool holds, char const* function, char const* what) noexcept;

/// Who waits, in a queue. It lies on the stack of the coroutine that does.
struct qemu_waiter {
    qemu_coroutine* who;
    qemu_waiter* next = nullptr;
    std::int64_t amount = 0;  ///< The primitive's own.
    std::atomic<bool> granted{false};

    /// Yields at least once, for each grant comes with a wake-up: another thread's is on its way when it is seen here.
    WEFT_COROUTINE_FN void wait(char const* function) noexcept {
        do {
            yield(function);
        } while (!granted.load(std::memory_order_acquire));
    }
};

using qemu_waiters = detail::intrusive_queue<qemu_waiter>;

/// Ends the waits of all in the list, in order.
void grant(qemu_waiter* list) noexcept;

}  // namespace weft::c
