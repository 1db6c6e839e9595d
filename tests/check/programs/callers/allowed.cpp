// A comment lets a line be.
#include <coroutines.hpp>

void start() {
    yield();  // weft-check: allow: begins before there are marks
    // weft-check: allow
    yield();
}
