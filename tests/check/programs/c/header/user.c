#include "block.h"

int first_block(void)
{
    WITH_LOCK((void)0); // expect: weft-unmarked-caller
    return read_block(0); // expect: weft-unmarked-caller
}

int coroutine_fn co_first_block(void)
{
    lock_inline();
    return read_block(0);
}
