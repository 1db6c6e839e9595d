// Whoever asks first may call either.
#include <coroutines.hpp>

void either() {
    if (in_coroutine()) {
        yield();
    } else {
        run();
    }
}

void the_wrong_way_round() {
    if (!in_coroutine()) {
        yield();  // expect!: weft-unmarked-caller
    } else {
        run();  // expect!: weft-blocking-call
    }
}

void early_return(bool wanted) {
    if (!in_coroutine() || !wanted) {
        return;
    }
    yield();
    if (wanted) {
        run();  // expect!: weft-blocking-call
    }
}

int in_expressions(bool wanted) {
    bool const inside = in_coroutine();
    inside ? yield() : run();
    if (wanted && inside) {
        yield();
    }
    in_coroutine() && (yield(), true);
    in_coroutine() || (run(), true);
    in_coroutine() || (yield(), true);  // expect!: weft-unmarked-caller
    return 0;
}

struct thread_state {
    WEFT_IN_COROUTINE void* current;
};
thread_state& this_thread();

WEFT_MIXED_FN void by_pointer() {
    void* self = this_thread().current;
    if (self != nullptr) {
        yield();
    } else {
        run();
    }
    if (nullptr == this_thread().current) {
        run();
    }
}
