// A macro is where it is used.
#include <coroutines.hpp>

#define WAIT_UNTIL(condition) \
    while (!(condition)) {    \
        yield();              \
    }
#define CALL(f) f()

void wait_for(bool const& ready) {
    WAIT_UNTIL(ready)  // expect: weft-unmarked-caller
}

void call() {
    CALL(yield);  // expect: weft-unmarked-caller
}

WEFT_COROUTINE_FN void wait_rightly(bool const& ready) {
    WAIT_UNTIL(ready)
    CALL(yield);
}
