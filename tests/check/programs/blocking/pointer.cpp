#include <coroutines.hpp>

struct hooks {
    WEFT_NO_COROUTINE_FN void (*stop)();
};

WEFT_COROUTINE_FN void serve(hooks const& h) {
    yield();
    h.stop();  // expect!: weft-blocking-call
}

void outside(hooks& h) {
    h.stop = run;
    h.stop();
}
