// The mark stands at the definition only; callers in other files have to heed it all the same.
#include <coroutines.hpp>

#include "disk.hpp"

WEFT_COROUTINE_FN void read_disk() { yield(); }
