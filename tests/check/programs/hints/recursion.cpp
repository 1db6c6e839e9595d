#include <coroutines.hpp>

WEFT_COROUTINE_FN int odd(unsigned n);
WEFT_COROUTINE_FN int even(unsigned n) { return n == 0 ? 1 : odd(n - 1); }  // expect!: weft-never-suspends
WEFT_COROUTINE_FN int odd(unsigned n) { return n == 0 ? 0 : even(n - 1); }  // expect!: weft-never-suspends

WEFT_COROUTINE_FN int count(unsigned n) {
    yield();
    return n == 0 ? 0 : count(n - 1);
}
