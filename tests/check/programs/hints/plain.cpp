#include <coroutines.hpp>

WEFT_COROUTINE_FN int add(int a, int b) { return a + b; }  // expect!: weft-never-suspends

WEFT_COROUTINE_FN int add_all(int a, int b, int c) {  // expect!: weft-never-suspends
    return add(add(a, b), c);
}

WEFT_COROUTINE_FN int add_slowly(int a, int b) {
    yield();
    return add(a, b);
}

WEFT_MIXED_FN int add_anywhere(int a, int b) { return a + b; }  // expect!: weft-never-suspends

WEFT_MIXED_FN int wait_anywhere(int a) {
    lock();
    return a;
}

WEFT_NO_COROUTINE_FN void end() {}
