#include <coroutines.hpp>

struct messages {
    struct iterator {
        int operator*() const;
        WEFT_COROUTINE_FN iterator& operator++();
        bool operator!=(iterator const& other) const;
    };
    iterator begin();
    iterator end();
};

int sum(messages& all) {
    int result = 0;
    for (int m : all) {  // expect: weft-unmarked-caller
        result += m;
    }
    return result;
}

WEFT_COROUTINE_FN int sum_rightly(messages& all) {
    int result = 0;
    for (int m : all) {
        result += m;
    }
    return result;
}
