// One body can't do both.
#include <coroutines.hpp>

WEFT_COROUTINE_FN void serve() {
    auto step = [] {
        yield();
        run();  // expect!: weft-blocking-call
    };
    step();
}
