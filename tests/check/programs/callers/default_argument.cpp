#include <coroutines.hpp>

WEFT_COROUTINE_FN int next_id();

void open(int id = next_id());

struct request {
    int id = next_id();
    int size;
};

void make() {
    request r{.size = 1};  // expect: weft-unmarked-caller
    (void)r;
}

void ask() {
    open(7);
    open();  // expect: weft-unmarked-caller
}

WEFT_COROUTINE_FN void ask_rightly() { open(); }
