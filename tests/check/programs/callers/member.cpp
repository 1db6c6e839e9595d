#include <coroutines.hpp>

class connection {
public:
    WEFT_COROUTINE_FN int read();
    int read_line() {
        return read() + 1;  // expect: weft-unmarked-caller
    }
    static WEFT_COROUTINE_FN connection open();
    [[nodiscard]] static connection open_twice();
};

connection connection::open_twice() {
    (void)open();  // expect: weft-unmarked-caller
    return connection::open();  // expect: weft-unmarked-caller
}

WEFT_COROUTINE_FN int serve(connection& c) { return c.read() + c.read_line(); }
