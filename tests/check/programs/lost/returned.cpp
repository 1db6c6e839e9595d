// What a function returns can't be marked; a type can.
#include <coroutines.hpp>

using plain = void (*)();
using entry WEFT_COROUTINE_FN = void (*)();

plain unmarked() {
    return yield;  // expect!: weft-lost-mark
}

entry marked() { return yield; }

void call() {
    marked()();  // expect: weft-unmarked-caller
}
