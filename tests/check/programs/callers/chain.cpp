// Each that is mended asks for the next one up.
#include <coroutines.hpp>

static void innermost() {
    yield();  // expect: weft-unmarked-caller
}
static void middle() { innermost(); }
static void outermost() { middle(); }

void start() {
    spawn([] { outermost(); });
}
