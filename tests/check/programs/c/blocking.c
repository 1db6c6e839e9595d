#include <qemu/coroutine.h>

void no_coroutine_fn aio_poll(void);

static void drain(void)
{
    aio_poll();
}

void coroutine_fn co_close(void)
{
    qemu_coroutine_yield();
    aio_poll(); // expect!: weft-blocking-call
    drain(); // expect!: weft-blocking-call
}

void start(void)
{
    Coroutine *co = qemu_coroutine_create((CoroutineEntry *)aio_poll, NULL); // expect!: weft-blocking-call
    qemu_coroutine_enter(co);
    drain();
}
