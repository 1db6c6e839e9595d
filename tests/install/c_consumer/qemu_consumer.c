/* The same, as code for QEMU's coroutines has it; in C and in C++. */

#include "qemu/osdep.h"

#include "block/aio.h"
#include "qemu/coroutine.h"

static void coroutine_fn two_steps(void* steps) {
    ++*(int*)steps;
    qemu_coroutine_yield();
    ++*(int*)steps;
}

int main(void) {
    int steps = 0;
    Coroutine* co = qemu_coroutine_create(two_steps, &steps);
    qemu_coroutine_enter(co);
    bool stopped_in_the_middle = steps == 1;
    aio_co_schedule(qemu_get_current_aio_context(), co);
    aio_poll(qemu_get_current_aio_context(), true);
    return stopped_in_the_middle && steps == 2 ? 0 : 1;
}
