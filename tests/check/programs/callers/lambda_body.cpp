// What is given to a parameter that bears the mark runs in a coroutine, so it may be given anywhere.
#include <coroutines.hpp>

static void helper() {
    yield();  // expect: weft-unmarked-caller
}

void start() {
    spawn([] { yield(); });
    auto body = [] {
        lock();
        yield();
    };
    spawn(body);
    spawn([] { spawn([] { yield(); }); });
    spawn(helper);
    spawn(&yield);
}
