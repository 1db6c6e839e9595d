// Pointers in structs, as QEMU's block drivers have them.
#include <qemu/coroutine.h>

typedef struct BlockDriver {
    const char *name;
    int coroutine_fn (*bdrv_co_read)(int fd);
    int (*bdrv_flush)(int fd);
    struct {
        void (*detach)(void);
    } nested;
} BlockDriver;

static int coroutine_fn raw_co_read(int fd)
{
    qemu_coroutine_yield();
    return fd;
}

static BlockDriver bdrv_raw = {
    .name = "raw",
    .bdrv_co_read = raw_co_read,
    .bdrv_flush = raw_co_read, // expect: weft-lost-mark
    .nested.detach = qemu_coroutine_yield, // expect: weft-lost-mark
};

int bdrv_read(BlockDriver *drv, int fd)
{
    return drv->bdrv_co_read(fd); // expect: weft-unmarked-caller
}

int coroutine_fn bdrv_co_read(BlockDriver *drv, int fd)
{
    return drv ? drv->bdrv_co_read(fd) : bdrv_raw.bdrv_co_read(fd);
}
