#include <coroutines.hpp>

struct operations {
    void (*read)();
    WEFT_COROUTINE_FN void (*write)();
};

operations const disk = {
    .read = yield,  // expect: weft-lost-mark
    .write = yield,
};
operations const in_order = {
    yield,  // expect: weft-lost-mark
    yield};

void set(operations& o) {
    o.read = yield;  // expect: weft-lost-mark
    o.write = yield;
}

void call(operations& o) {
    o.write();  // expect: weft-unmarked-caller
}

struct device {
    explicit device(WEFT_COROUTINE_FN void (*f)()) : poll_(f) {}  // expect: weft-lost-mark
    void (*poll_)();
};
