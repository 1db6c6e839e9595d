/* A generator, and a producer and a consumer, as code for QEMU's coroutines has them. Exits with 0 if all came in order. */

#include "qemu/osdep.h"

#include "block/aio.h"
#include "qemu/coroutine.h"

enum { count = 10, room = 3 };

static int square;

static void coroutine_fn generate_squares(void* opaque) {
    (void)opaque;
    for (int i = 1; i <= count; ++i) {
        square = i * i;
        qemu_coroutine_yield();
    }
    square = 0;
}

static bool generator_works(void) {
    Coroutine* generator = qemu_coroutine_create(generate_squares, NULL);
    for (int i = 1; i <= count; ++i) {
        qemu_coroutine_enter(generator);
        if (square != i * i) {
            return false;
        }
    }
    qemu_coroutine_enter(generator);
    return square == 0;
}

/* A ring that holds `room` values: who is too fast waits for the other. */
struct ring {
    CoMutex lock;
    CoQueue not_full, not_empty;
    int values[room], first, used;
    int received;
    bool in_order, done;
};

static void coroutine_fn produce(void* opaque) {
    struct ring* ring = opaque;
    for (int i = 1; i <= count; ++i) {
        qemu_co_mutex_lock(&ring->lock);
        while (ring->used == room) {
            qemu_co_queue_wait(&ring->not_full, &ring->lock);
        }
        ring->values[(ring->first + ring->used++) % room] = i;
        qemu_co_queue_next(&ring->not_empty);
        qemu_co_mutex_unlock(&ring->lock);
    }
}

static void coroutine_fn consume(void* opaque) {
    struct ring* ring = opaque;
    for (int i = 1; i <= count; ++i) {
        qemu_co_mutex_lock(&ring->lock);
        while (ring->used == 0) {
            qemu_co_queue_wait(&ring->not_empty, &ring->lock);
        }
        ring->in_order = ring->in_order && ring->values[ring->first] == i;
        ring->first = (ring->first + 1) % room;
        --ring->used;
        ++ring->received;
        qemu_co_queue_next(&ring->not_full);
        qemu_co_mutex_unlock(&ring->lock);
    }
    ring->done = true;
}

static bool producer_and_consumer_work(void) {
    struct ring ring = {.in_order = true};
    AioContext* ctx = qemu_get_current_aio_context();
    qemu_co_mutex_init(&ring.lock);
    qemu_co_queue_init(&ring.not_full);
    qemu_co_queue_init(&ring.not_empty);
    qemu_coroutine_enter(qemu_coroutine_create(consume, &ring));
    aio_co_schedule(ctx, qemu_coroutine_create(produce, &ring));
    while (!ring.done) {
        aio_poll(ctx, true);
    }
    return ring.in_order && ring.received == count && ring.used == 0;
}

int main(void) {
    return generator_works() && producer_and_consumer_work() ? 0 : 1;
}
