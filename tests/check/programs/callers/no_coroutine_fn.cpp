#include <coroutines.hpp>

WEFT_NO_COROUTINE_FN void shut_down() {
    yield();  // expect!: weft-unmarked-caller
    run();
}
