// Functions without a mark do not hide it, however many there are.
#include <coroutines.hpp>

static void innermost() { run(); }
static void middle() { innermost(); }

WEFT_COROUTINE_FN void serve() {
    yield();
    middle();  // expect!: weft-blocking-call
    auto step = [] { middle(); };
    step();  // expect!: weft-blocking-call
}

static void careful() {
    if (!in_coroutine()) {
        run();
    }
}

WEFT_COROUTINE_FN void serve_rightly() {
    yield();
    careful();
}
