#include <coroutines.hpp>

WEFT_COROUTINE_FN void wait();  // expect!: weft-lost-mark
WEFT_NO_COROUTINE_FN void wait();
