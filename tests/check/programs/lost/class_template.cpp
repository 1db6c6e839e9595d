#include <coroutines.hpp>

struct stream {
    WEFT_COROUTINE_FN void read();
};

template <class Stream>
class buffered {
public:
    void fill() { stream_.read(); }
    void fill_twice() {
        fill();
        fill();
    }

private:
    Stream stream_;
};

void outside(buffered<stream>& b) {
    b.fill();  // expect: weft-lost-mark
    b.fill_twice();  // expect: weft-lost-mark
}

WEFT_COROUTINE_FN void inside(buffered<stream>& b) { b.fill_twice(); }
