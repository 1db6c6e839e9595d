#include <coroutines.hpp>

void (*unmarked)() = yield;  // expect: weft-lost-mark
WEFT_COROUTINE_FN void (*marked)() = yield;

void assign() {
    unmarked = &yield;  // expect: weft-lost-mark
    marked = yield;
    void (*copy)() = marked;  // expect: weft-lost-mark
    (void)copy;
    auto deduced = yield;  // expect: weft-lost-mark
    (void)deduced;
}

void call() {
    marked();  // expect: weft-unmarked-caller
}

WEFT_COROUTINE_FN void call_rightly() { marked(); }
