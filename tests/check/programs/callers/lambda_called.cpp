// A lambda is what it does. It is called where it may not do that.
#include <coroutines.hpp>

void outside() {
    auto step = [] { yield(); };
    step();  // expect: weft-unmarked-caller
}

void at_once() {
    [] { yield(); }();  // expect: weft-unmarked-caller
}

WEFT_COROUTINE_FN void inside() {
    auto step = [](auto n) {
        yield();
        return n;
    };
    step(1);
    [&] { step(2); }();
}

void never_called() {
    auto unused = [] { yield(); };
    (void)unused;
}
