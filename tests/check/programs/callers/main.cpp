// Where no coroutine can be, no mark helps.
#include <coroutines.hpp>

static void work() {
    yield();  // expect: weft-unmarked-caller
}

int main() {
    work();  // after fix: weft-unmarked-caller
}
