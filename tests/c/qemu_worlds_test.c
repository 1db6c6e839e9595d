/* What QEMU's coroutines promise, case by case: functions for both worlds. */

#include "qemu/osdep.h"

#include "block/aio.h"
#include "qemu/coroutine.h"

#include <weft/weft.h>

#include "c/qemu_harness.h"

static int coroutine_fn co_add(int a, short b, const int* c) {
    CHECK(qemu_in_coroutine());
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, WEFT_MILLISECOND / 10);
    return a + b + *c;
}
WEFT_CO_WRAPPER(int, add, co_add, int, a, short, b, const int*, c)

static const char* coroutine_fn co_answer(void) {
    return "yes";
}
WEFT_CO_WRAPPER(const char*, answer, co_answer)

static void coroutine_fn co_store(int* a, int b, int c, int d, int e, int f) {
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 0);
    *a = b + c + d + e + f;
}
WEFT_CO_WRAPPER_VOID(store, co_store, int*, a, int, b, int, c, int, d, int, e, int, f)

static void coroutine_fn co_note(void) {
    note("n");
}
WEFT_CO_WRAPPER_VOID(note_n, co_note)

static void call_all(void* done) {
    int c = 3, stored = 0;
    CHECK_EQUAL(add(1, 2, &c), 6);
    CHECK_TEXT(answer(), "yes");
    store(&stored, 1, 2, 3, 4, 5);
    CHECK_EQUAL(stored, 15);
    note_n();
    *(bool*)done = true;
}

LOOP_CASE(W1_the_same_call_gives_the_same_result_in_both_worlds) {
    bool done = false;
    call_all(&done);
    CHECK(done);
    done = false;
    start(call_all, &done);
    poll_until(&done);
    CHECK_TEXT(notes, "nn");
    all_have_ended();
}

static bool ticker_has_ended;

static void tick(void* ticks) {
    for (;;) {
        ++*(int*)ticks;
        qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 0);
        if (*(int*)ticks == 100) {
            ticker_has_ended = true;
            return;
        }
    }
}

static void coroutine_fn co_wait_for_ticks(const int* ticks) {
    while (*ticks < 100) {
        qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, WEFT_MILLISECOND / 10);
    }
}
WEFT_CO_WRAPPER_VOID(wait_for_ticks, co_wait_for_ticks, const int*, ticks)

LOOP_CASE(W2_others_go_on_while_a_call_from_outside_waits) {
    int ticks = 0;
    start(tick, &ticks);
    CHECK_EQUAL(ticks, 1);
    wait_for_ticks(&ticks);
    CHECK_EQUAL(ticks, 100);
    poll_until(&ticker_has_ended); /* it sleeps once more after its last tick */
    all_have_ended();
}
