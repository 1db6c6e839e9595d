// What the programs here need of a library of coroutines.
#pragma once

#include <weft/marks.hpp>

WEFT_COROUTINE_FN void yield();
WEFT_MIXED_FN void lock();
WEFT_NO_COROUTINE_FN void run();
WEFT_IN_COROUTINE bool in_coroutine();

/// Runs `body()` in a coroutine, later.
template <class F>
void spawn(WEFT_COROUTINE_FN F&& body) {
    (void)body;
}
