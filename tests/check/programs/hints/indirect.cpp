// What can't be seen may suspend; and what is kept where the mark is asked for keeps it.
#include <coroutines.hpp>

struct device {
    WEFT_COROUTINE_FN virtual void read();
};
WEFT_COROUTINE_FN void read(device& d) { d.read(); }

WEFT_COROUTINE_FN void (*hook)();
WEFT_COROUTINE_FN void call_hook() { hook(); }

struct null_device : device {
    WEFT_COROUTINE_FN void read() override {}
};

WEFT_COROUTINE_FN void does_nothing() {}
void set() { hook = does_nothing; }

WEFT_COROUTINE_FN void by_lambda() {
    auto step = [] { yield(); };
    step();
}

WEFT_COROUTINE_FN void with_a_local_class() {
    struct local {
        int* p = nullptr;
    } l;
    yield();
    (void)l;
}

void plain_helper();
WEFT_COROUTINE_FN void by_helper() { plain_helper(); }  // expect!: weft-never-suspends
