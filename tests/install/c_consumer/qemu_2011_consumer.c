/* A generator, and a producer and a consumer, for the first version of QEMU's coroutines: the argument comes with the first
 * enter. Exits with 0 if all came in order. */

#define WEFT_QEMU_2011
#include "qemu/coroutine.h"

enum { count = 10 };

static void coroutine_fn generate_squares(void* opaque) {
    int* square = opaque;
    for (int i = 1; i <= count; ++i) {
        *square = i * i;
        qemu_coroutine_yield();
    }
    *square = 0;
}

static bool generator_works(void) {
    int square = 0;
    Coroutine* generator = qemu_coroutine_create(generate_squares);
    for (int i = 1; i <= count; ++i) {
        qemu_coroutine_enter(generator, &square); /* the later arguments are ignored */
        if (square != i * i) {
            return false;
        }
    }
    qemu_coroutine_enter(generator, NULL);
    return square == 0;
}

struct slot {
    int value; /* 0: empty, -1: nothing follows */
    Coroutine* producer;
    int received;
    bool in_order;
};

static void coroutine_fn produce(void* opaque) {
    struct slot* slot = opaque;
    for (int i = 1; i <= count; ++i) {
        slot->value = i;
        qemu_coroutine_yield();
    }
    slot->value = -1;
}

static void coroutine_fn consume(void* opaque) {
    struct slot* slot = opaque;
    for (;;) {
        qemu_coroutine_enter(slot->producer, slot); /* a coroutine inside a coroutine */
        if (slot->value < 0) {
            return;
        }
        slot->in_order = slot->in_order && slot->value == ++slot->received;
    }
}

static bool producer_and_consumer_work(void) {
    struct slot slot = {0, qemu_coroutine_create(produce), 0, true};
    qemu_coroutine_enter(qemu_coroutine_create(consume), &slot);
    return slot.in_order && slot.received == count && !qemu_in_coroutine();
}

int main(void) {
    return generator_works() && producer_and_consumer_work() ? 0 : 1;
}
