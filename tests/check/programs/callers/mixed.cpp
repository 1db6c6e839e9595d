// A mixed function may be called from anywhere, so it has to ask before it does what can't be done anywhere.
#include <coroutines.hpp>

WEFT_MIXED_FN void careless() {
    yield();  // expect!: weft-unmarked-caller
}

WEFT_MIXED_FN void careful() {
    lock();
    if (in_coroutine()) {
        yield();
    }
}

void anywhere() {
    careful();
    lock();
}
