#include <coroutines.hpp>

struct whole_loop {
    WEFT_NO_COROUTINE_FN whole_loop();
    WEFT_NO_COROUTINE_FN ~whole_loop();
    WEFT_NO_COROUTINE_FN whole_loop& operator++();
};

WEFT_COROUTINE_FN void serve(whole_loop& l) {
    yield();
    ++l;                  // expect!: weft-blocking-call
    whole_loop another;   // expect!: weft-blocking-call
}

void outside(whole_loop& l) {
    ++l;
    whole_loop another;
}
