#include <coroutines.hpp>

template <class F>
void apply(F f) {
    f();
}

struct job {
    void operator()() const { run(); }
};

WEFT_COROUTINE_FN void serve() {
    yield();
    apply([] { run(); });  // expect!: weft-blocking-call
    apply(job{});          // expect!: weft-blocking-call
    apply([] {});
}

void outside() {
    apply([] { run(); });
    apply(job{});
}
