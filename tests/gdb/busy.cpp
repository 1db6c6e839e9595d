// What test_perf.py takes samples of: the innermost of three nested coroutines uses up the processor.

#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;

void keep_frame() {
    asm volatile("");  // what follows a call keeps it from becoming a jump
}

// gcc makes no frame record in a function that calls nothing and keeps nothing on the stack.
[[gnu::noinline]] void spin() {
    int volatile count = 0;
    for (int i = 0; i < 100'000'000; ++i) {
        count = i;
    }
    (void)count;
}
[[gnu::noinline]] void inner_body() {
    spin();
    keep_frame();
}
[[gnu::noinline]] void enter_inner(coroutine& inner) {
    inner.enter();
    keep_frame();
}
[[gnu::noinline]] void enter_middle(coroutine& middle) {
    middle.enter();
    keep_frame();
}
[[gnu::noinline]] void enter_outer(coroutine& outer) {
    outer.enter();
    keep_frame();
}

}  // namespace

int main() {
    coroutine inner(inner_body);
    coroutine middle([&] { enter_inner(inner); });
    coroutine outer([&] { enter_middle(middle); });
    enter_outer(outer);
}
