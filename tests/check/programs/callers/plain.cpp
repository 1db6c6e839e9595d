#include <coroutines.hpp>

WEFT_COROUTINE_FN void fetch() { yield(); }

void load() {
    fetch();  // expect: weft-unmarked-caller
}

WEFT_COROUTINE_FN void load_rightly() { fetch(); }

void unrelated() { load_rightly; }
