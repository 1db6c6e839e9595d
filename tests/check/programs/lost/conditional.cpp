#include <coroutines.hpp>

void idle();

void choose(bool wait) {
    void (*step)() = wait ? yield : idle;  // expect: weft-lost-mark
    (void)step;
    void (*other)() = nullptr;
    if (wait) {
        other = idle;
    }
    (void)other;
    (void)(step == yield);
}
