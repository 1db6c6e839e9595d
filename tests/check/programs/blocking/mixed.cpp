#include <coroutines.hpp>

WEFT_MIXED_FN void careless() {
    lock();
    run();  // expect!: weft-blocking-call
}

WEFT_MIXED_FN void careful() {
    if (in_coroutine()) {
        yield();
        return;
    }
    run();
}
