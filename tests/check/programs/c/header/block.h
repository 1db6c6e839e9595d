#ifndef BLOCK_H
#define BLOCK_H

#include <qemu/coroutine.h>

#define WITH_LOCK(statement) do { lock_co(); statement; } while (0)

void coroutine_fn lock_co(void);

static inline void lock_inline(void)
{
    lock_co(); // expect: weft-unmarked-caller
}

int read_block(int number);

#endif
