// In conditions, arguments, loops, catch blocks: each call counts, each on its line.
#include <coroutines.hpp>

WEFT_COROUTINE_FN int next();

int add(int a, int b) { return a + b; }

void all(int n) {
    while (next() > n) {  // expect: weft-unmarked-caller
        add(1,
            next());  // expect: weft-unmarked-caller
    }
    switch (n) {
        case 1:
            next();  // expect: weft-unmarked-caller
    }
    try {
        n = sizeof(next());
        static_assert(noexcept(next()) == false);
    } catch (...) {
        next();  // expect: weft-unmarked-caller
    }
}
