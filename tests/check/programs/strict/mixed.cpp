// check: --strict .
#include <coroutines.hpp>

#include <mutex>

struct mutex {
    WEFT_MIXED_FN void lock();
    void unlock();
};

struct store {
    void put() {
        std::lock_guard guard(m);  // expect: weft-unmarked-mixed
    }
    WEFT_MIXED_FN void get() { std::lock_guard guard(m); }
    mutex m;
};

void enter() {
    lock();  // expect: weft-unmarked-mixed
}

WEFT_COROUTINE_FN void inside() { lock(); }
WEFT_NO_COROUTINE_FN void outside() { lock(); }

void start() {
    spawn([] { lock(); });
}

int main() { lock(); }
