// A lambda can bear a mark, too; then it is held to it.
#include <coroutines.hpp>

void outside() {
    auto step = []() WEFT_COROUTINE_FN { yield(); };
    step();  // expect: weft-unmarked-caller
    auto blocking = []() WEFT_NO_COROUTINE_FN {
        yield();  // expect!: weft-unmarked-caller
    };
    blocking();  // after fix: weft-blocking-call
}
