// By way of a template, a coroutine_fn is called where nobody sees its mark.
#include <coroutines.hpp>

template <class F>
void twice(F f) {
    f();
    f();
}

template <void (*F)()>
void once() {
    F();
}

struct job {
    WEFT_COROUTINE_FN void operator()() const;
};

void outside() {
    twice(yield);  // expect: weft-lost-mark
    once<yield>();  // expect: weft-lost-mark
    twice(job{});  // expect: weft-lost-mark
    twice([] { yield(); });  // expect: weft-lost-mark
    twice([] {});
}

WEFT_COROUTINE_FN void inside() {
    twice(yield);
    once<yield>();
    twice(job{});
    twice([] { yield(); });
}
