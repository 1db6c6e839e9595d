#include <qemu/coroutine.h>

static void coroutine_fn marked_entry(void *opaque)
{
    qemu_coroutine_yield();
}

static void unmarked_entry(void *opaque)
{
    qemu_coroutine_yield(); // expect: weft-unmarked-caller
}

static CoroutineEntry declared_entry;

void start(void *opaque)
{
    void (*plain)(void *) = marked_entry; // expect: weft-lost-mark
    CoroutineEntry *entry = marked_entry;
    qemu_coroutine_enter(qemu_coroutine_create(entry, opaque));
    qemu_coroutine_enter(qemu_coroutine_create(unmarked_entry, opaque));
    qemu_coroutine_enter(qemu_coroutine_create(declared_entry, plain));
    declared_entry(opaque); // expect: weft-unmarked-caller
}

static void declared_entry(void *opaque)
{
    qemu_coroutine_yield();
}
