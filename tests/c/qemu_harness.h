/* What the tests of QEMU's header have in common. */

#ifndef WEFT_TESTS_C_QEMU_HARNESS_H
#define WEFT_TESTS_C_QEMU_HARNESS_H

#include "qemu/osdep.h"

#include "block/aio.h"
#include "qemu/coroutine.h"

#include <weft/weft.h>

#include "c/harness.h"

static inline Coroutine* start(CoroutineEntry* entry, void* opaque) {
    Coroutine* co = qemu_coroutine_create(entry, opaque);
    qemu_coroutine_enter(co);
    return co;
}

static inline void poll_until(const bool* done) {
    while (!*done) {
        aio_poll(qemu_get_current_aio_context(), true);
    }
}

static inline void all_have_ended(void) {
    CHECK_EQUAL(weft_coroutine_count(), 0);
}

#endif
