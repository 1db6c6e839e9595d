#include <coroutines.hpp>

WEFT_COROUTINE_FN void serve() {
    yield();
    run();  // expect!: weft-blocking-call
}

void outside() { run(); }
WEFT_NO_COROUTINE_FN void also_outside() { run(); }
