#include "block.h"

int coroutine_fn read_block(int number)
{
    WITH_LOCK(number++);
    return number;
}
