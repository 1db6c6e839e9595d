#include <coroutines.hpp>

WEFT_COROUTINE_FN void send(int value);
void send(double value);

template <class T>
WEFT_COROUTINE_FN void put(T const& value) {
    yield();
    (void)value;
}
void put(char const* text);

void publish() {
    send(1);  // expect: weft-unmarked-caller
    send(1.0);
    put(2);  // expect: weft-unmarked-caller
    put("text");
}
