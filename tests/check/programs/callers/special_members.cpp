#include <coroutines.hpp>

struct session {
    WEFT_COROUTINE_FN session();
    session(session const&) = delete;
    WEFT_COROUTINE_FN ~session();
};

struct pair_of_sessions {
    session first;
    session second;
};

void one() {
    session s;  // expect: weft-unmarked-caller
}

void on_the_heap() {
    auto* s = new session;  // expect: weft-unmarked-caller
    delete s;               // expect: weft-unmarked-caller
}

void in_a_member() {
    pair_of_sessions both;  // expect: weft-lost-mark
}

WEFT_COROUTINE_FN void rightly() {
    session s;
    pair_of_sessions both;
}
