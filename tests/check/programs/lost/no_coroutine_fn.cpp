#include <coroutines.hpp>

#include <cstdlib>

struct hooks {
    void (*stop)();
    WEFT_NO_COROUTINE_FN void (*leave)();
};

void set(hooks& h) {
    h.stop = run;  // expect: weft-lost-mark
    h.leave = run;
    std::atexit(run);
}
