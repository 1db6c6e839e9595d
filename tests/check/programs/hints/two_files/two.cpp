#include <coroutines.hpp>

WEFT_COROUTINE_FN void waits() { yield(); }
WEFT_COROUTINE_FN void does_not_wait() {}  // expect!: weft-never-suspends
