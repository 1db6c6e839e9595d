// Two files have functions of the same name, and each is its own.
#include <coroutines.hpp>

WEFT_COROUTINE_FN static void step() { yield(); }

void one() {
    step();  // expect: weft-unmarked-caller
}
