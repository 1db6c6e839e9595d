// Floor: coroutine

#include <weft/generator.hpp>

#include "coroutine/misuse.hpp"
#include "coroutine/present_exception.hpp"

namespace weft::detail {

bool generator_state::advance(call_site where) {
    for (;;) {
        generator_state& maker = *leaf;
        value = nullptr;
        try {
            maker.body.enter(where);
        } catch (...) {
            if (&maker == this) {
                throw;
            }
            maker.parent->failure = present_exception();
        }
        if (value != nullptr) {
            return true;
        }
        if (maker.body.done()) {
            if (&maker == this) {
                return false;
            }
            leaf = maker.parent;
        } else if (leaf == &maker) {
            die(where, "a generator's body waits for something, or yields without a value: nobody would continue it");
        }
    }
}

void generator_state::delegate(generator_state& inner, call_site where) {
    inner.root = root;
    inner.parent = this;
    root->leaf = inner.leaf;
    for (generator_state* g = inner.leaf; g != &inner; g = g->parent) {
        g->root = root;  // it was inside such a call itself when it was last asked
    }
    yield(where);
    if (failure) {
        std::rethrow_exception(std::exchange(failure, nullptr));
    }
}

}  // namespace weft::detail
