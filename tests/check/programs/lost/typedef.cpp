#include <coroutines.hpp>

typedef void plain();
typedef WEFT_COROUTINE_FN void entry();
using entry_pointer WEFT_COROUTINE_FN = void (*)();

plain* lost = yield;  // expect: weft-lost-mark
entry* kept = yield;
entry_pointer kept_too = yield;
plain* copied = kept;  // expect: weft-lost-mark

using same_entry = entry;
same_entry* still_kept = yield;

entry body;  // declares a function
void call() {
    body();  // expect: weft-unmarked-caller
    kept();  // expect: weft-unmarked-caller
    kept_too();  // expect: weft-unmarked-caller
    still_kept();  // expect: weft-unmarked-caller
}

struct users {
    entry_pointer begin;
    plain* end = yield;  // expect: weft-lost-mark
};
users u{yield};
