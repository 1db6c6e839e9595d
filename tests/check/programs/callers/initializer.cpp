#include <coroutines.hpp>

WEFT_COROUTINE_FN int read_setting();

int const setting = read_setting();  // expect!: weft-unmarked-caller

int later() {
    static int const kept = read_setting();  // expect: weft-unmarked-caller
    return kept;
}

struct holder {
    holder() : value(read_setting()) {}  // expect: weft-unmarked-caller
    int value;
};
