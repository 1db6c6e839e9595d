// What QEMU generates for both worlds.
#include <qemu/coroutine.h>

void no_coroutine_fn poll_until(bool *done);
int coroutine_fn co_flush(int fd);

typedef struct {
    int fd;
    int result;
    bool done;
} Flush;

static void coroutine_fn flush_entry(void *opaque)
{
    Flush *f = opaque;
    f->result = co_flush(f->fd);
    f->done = true;
}

int coroutine_mixed_fn flush(int fd)
{
    if (qemu_in_coroutine()) {
        return co_flush(fd);
    } else {
        Flush f = { .fd = fd };
        qemu_coroutine_enter(qemu_coroutine_create(flush_entry, &f));
        poll_until(&f.done);
        return f.result;
    }
}

int coroutine_mixed_fn flush_wrongly(int fd)
{
    if (qemu_in_coroutine()) {
        bool done = false;
        poll_until(&done); // expect!: weft-blocking-call
    }
    return co_flush(fd); // expect!: weft-unmarked-caller
}
