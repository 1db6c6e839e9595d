// A template that calls it whatever its arguments are has to be marked itself, also where nobody uses it.
#include <coroutines.hpp>

template <class T>
void twice(T value) {
    yield();  // expect: weft-unmarked-caller
    (void)value;
}

template <class T>
class queue {
public:
    WEFT_COROUTINE_FN void push(T value);
    void push_two(T value) {
        push(value);  // expect: weft-unmarked-caller
        this->push(value);  // expect: weft-unmarked-caller
    }
};

WEFT_COROUTINE_FN void use(queue<int>& q) {
    twice(1);
    twice('a');
    q.push_two(1);
}
