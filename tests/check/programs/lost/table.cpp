#include <coroutines.hpp>

void idle();

void (*const unmarked[])() = {
    idle,
    yield,  // expect: weft-lost-mark
};
WEFT_COROUTINE_FN void (*const marked[])() = {idle, yield};

void call(int i) {
    marked[i]();  // expect: weft-unmarked-caller
}
