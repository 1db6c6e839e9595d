#pragma once

#include <coroutines.hpp>

inline void log_slowly() {
    yield();  // expect: weft-unmarked-caller
}

WEFT_COROUTINE_FN inline void log_rightly() { yield(); }
