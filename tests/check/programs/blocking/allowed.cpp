// Threads of their own are outside coroutines.
#include <coroutines.hpp>

#include <thread>

WEFT_COROUTINE_FN void serve() {
    yield();
    std::thread other(run);
    std::thread another([] { run(); });
}
