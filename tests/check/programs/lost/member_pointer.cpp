#include <coroutines.hpp>

struct connection {
    WEFT_COROUTINE_FN void read();
    void close();
};

void (connection::*unmarked)() = &connection::read;  // expect: weft-lost-mark
WEFT_COROUTINE_FN void (connection::*marked)() = &connection::read;
void (connection::*other)() = &connection::close;

void call(connection& c) {
    (c.*marked)();  // expect: weft-unmarked-caller
    (c.*other)();
}
