#include <coroutines.hpp>

struct stream {
    WEFT_COROUTINE_FN stream& operator<<(int value);
    WEFT_COROUTINE_FN int operator[](int index);
    WEFT_COROUTINE_FN explicit operator bool();
};

void write(stream& s) {
    s << 1;  // expect: weft-unmarked-caller
    (void)s[1];  // expect: weft-unmarked-caller
    if (s) {  // expect: weft-unmarked-caller
    }
}

WEFT_COROUTINE_FN bool rightly(stream& s) { return static_cast<bool>(s << s[0]); }
