#include <qemu/coroutine.h>

static int coroutine_fn co_read(int fd)
{
    qemu_coroutine_yield();
    return fd;
}

int blk_read(int fd)
{
    return co_read(fd); // expect: weft-unmarked-caller
}

int coroutine_fn blk_co_read(int fd)
{
    return co_read(fd);
}
