#include <coroutines.hpp>

WEFT_COROUTINE_FN void waits();
WEFT_COROUTINE_FN void does_not_wait();

WEFT_COROUTINE_FN void calls_one_that_waits() { waits(); }
WEFT_COROUTINE_FN void calls_one_that_does_not() { does_not_wait(); }  // expect!: weft-never-suspends
