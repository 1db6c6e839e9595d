#include <qemu/coroutine.h>
#include <stdlib.h>

typedef void Callback(void *opaque);
void aio_bh_schedule(Callback *cb, void *opaque);
void aio_co_schedule(CoroutineEntry *cb, void *opaque);

static void coroutine_fn wake(void *opaque)
{
    qemu_coroutine_yield();
}

static int coroutine_fn compare(const void *a, const void *b)
{
    qemu_coroutine_yield();
    return a < b;
}

void coroutine_fn use(int *numbers)
{
    aio_bh_schedule(wake, numbers); // expect: weft-lost-mark
    aio_co_schedule(wake, numbers);
    qsort(numbers, 2, sizeof(int), compare); // expect!: weft-lost-mark
}
