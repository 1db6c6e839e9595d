#include <coroutines.hpp>

struct hooks {
    WEFT_MIXED_FN void (*anywhere)();
    WEFT_NO_COROUTINE_FN void (*outside)();
    WEFT_COROUTINE_FN void (*inside)();
};

void set(hooks& h) {
    h.anywhere = yield;  // expect!: weft-lost-mark
    h.anywhere = lock;
    h.outside = yield;  // expect!: weft-lost-mark
    h.inside = run;  // expect!: weft-blocking-call
    h.inside = lock;
}
