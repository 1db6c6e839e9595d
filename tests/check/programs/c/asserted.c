#undef NDEBUG
#include <assert.h>
#include <qemu/coroutine.h>

static void locked(void)
{
    assert(qemu_in_coroutine());
    qemu_coroutine_yield();
}

static void not_locked(void)
{
    assert(!qemu_in_coroutine());
    qemu_coroutine_yield(); // expect!: weft-unmarked-caller
}

void use(void)
{
    locked();
    not_locked();
}
