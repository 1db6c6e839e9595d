#include <coroutines.hpp>

#include "close.hpp"

WEFT_COROUTINE_FN void serve() {
    yield();
    close_all();  // expect!: weft-blocking-call
}

void outside() { close_all(); }
