#include <coroutines.hpp>

template <class T>
struct source {
    WEFT_COROUTINE_FN virtual T next() = 0;
};

struct numbers : source<int> {
    int next() override;  // expect: weft-lost-mark
};

template <class T>
struct repeated : source<T> {
    T next() override;  // expect: weft-lost-mark
};

repeated<char>* use;
struct letters : repeated<char> {};
WEFT_COROUTINE_FN void read(letters& l) {
    yield();
    l.next();
}
