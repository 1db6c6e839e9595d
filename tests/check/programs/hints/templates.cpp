#include <coroutines.hpp>

template <class F>
WEFT_COROUTINE_FN void call(F f) {
    f();
}

template <class T>
WEFT_COROUTINE_FN T twice(T value) {  // expect!: weft-never-suspends
    return sizeof(T) == 1 ? value : value;
}

template <class T>
WEFT_COROUTINE_FN void wait(T const&) {
    yield();
}

WEFT_COROUTINE_FN void use() {
    call([] {});
    twice(1);
    wait(2);
}
