// Floor: c
//
// Coroutines without a loop: create, enter, yield; suspend and wake. See <weft/weft.h>.
//
//     suspended --(enter)--> running --(yield)--> suspended
//                            running --(suspend)--> waiting --(wake)--> suspended, or queued on its loop
//                            running --(the body returns)--> done

#ifndef WEFT_C_COROUTINE_H
#define WEFT_C_COROUTINE_H

#include <weft/c/base.h>

WEFT_C_BEGIN

typedef struct weft_coroutine weft_coroutine;

/// All zero: the defaults.
typedef struct weft_options {
    const char* name;  ///< For messages and debuggers; 31 bytes of it are kept.
    size_t
        stack_size;  ///< In bytes, guard included; rounded up to a power of two. 0: the default, 256 KiB (32-bit: 64).
    bool measure_stack;  ///< For weft_stack_high_water(): costs a system call, and page faults.
} weft_options;

/// A coroutine that will call body(argument). It starts with the first weft_enter(). NULL: no memory for a stack.
/// The caller owns it: see weft_destroy().
weft_coroutine* weft_create(void (*body)(void*), void* argument);
weft_coroutine* weft_create_with(const weft_options* options, void (*body)(void*), void* argument);

/// Runs the coroutine until it yields, waits or ends. Returns whether there is more to come: false once its body has
/// returned. Ends the program with a message unless the coroutine is suspended.
/// Threads: any, one at a time; not only the one that created it.
bool weft_enter(weft_coroutine* coroutine);

/// Suspends the calling coroutine until it is entered again. Returns to whoever entered it. If that is a loop, it
/// runs the coroutine again after the others that are ready.
WEFT_COROUTINE_FN void weft_yield(void);

/// Frees a coroutine that has ended or is suspended. Of one that is suspended, what it registered with weft_defer()
/// is called, here and now; nothing is unwound, and its stack is freed. Ends the program with a message if it is
/// running, waits for a wake-up or is queued. NULL is ignored.
void weft_destroy(weft_coroutine* coroutine);

/// The one way to wait for something outside. Parks the calling coroutine, then calls parked(self, argument) on the
/// enterer's stack: so a wake-up from another thread can't come too early. Comes back after weft_wake(self). After
/// the wake-up `parked` must not use what lies on the coroutine's stack: the coroutine may be running by then.
WEFT_COROUTINE_FN void weft_suspend(void (*parked)(weft_coroutine* self, void* argument), void* argument);

/// Lets a coroutine that waits in weft_suspend() go on: in its loop's next turn, or, where it was entered by hand on a
/// thread without a loop, when it is next entered. Once for each weft_suspend(); a second ends the program with a message.
/// Threads: any.
void weft_wake(weft_coroutine* coroutine);

/// The calling coroutine, of any kind; NULL outside one.
weft_coroutine* weft_self(void);
WEFT_IN_COROUTINE bool weft_in_coroutine(void);

/// Whether it is running, or has entered another that is.
bool weft_entered(const weft_coroutine* coroutine);
/// Whether its body has returned.
bool weft_done(const weft_coroutine* coroutine);

/// Unique in this process, from 1.
uint64_t weft_id(const weft_coroutine* coroutine);
/// "" if it has none. Valid as long as the coroutine is.
const char* weft_name(const weft_coroutine* coroutine);
/// 31 bytes are kept.
void weft_set_name(weft_coroutine* coroutine, const char* name);

/// The address space of its stack in bytes, guard included.
size_t weft_stack_size(const weft_coroutine* coroutine);
/// How many bytes of its stack it has ever used, in whole pages. Without weft_options.measure_stack, those that used the
/// stack before it count too.
size_t weft_stack_high_water(const weft_coroutine* coroutine);

/// cleanup(argument) is called when the calling coroutine ends, on its stack; or when it is destroyed while suspended, on
/// the destroyer's, and then what lies on the coroutine's stack is still there. Those registered last are called first.
/// Outside a coroutine: when the thread ends. Returns 0 or -ENOMEM.
int weft_defer(void (*cleanup)(void*), void* argument);

/// Takes back the last such that the caller registered, if there is one; returns whether. It is not called.
bool weft_undefer(void (*cleanup)(void*), void* argument);

/// How many coroutines there are in this process. Walks all stacks that were ever in use: for statistics.
uint64_t weft_coroutine_count(void);

/// How many stacks of ended coroutines the calling thread keeps for new ones.
size_t weft_spare_stacks(void);

WEFT_C_END

#endif
