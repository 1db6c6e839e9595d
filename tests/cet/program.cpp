// Coroutines that enter, leave, nest, end and begin anew on the stacks of others, for machine.cpp to watch. (No exceptions:
// the distribution's libgcc knows nothing of shadow stacks.)

#include <cstdio>
#include <vector>
#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;

[[gnu::noinline]] int descend(int depth) {
    if (depth == 0) {
        weft::yield();
        return 0;
    }
    return 1 + descend(depth - 1);
}

int lives_on_one_stack() {
    int sum = 0;
    for (int life = 0; life < 3; ++life) {
        coroutine co([&] { sum += descend(100); });
        co.enter();
        co.enter();
    }
    return sum;
}

int nested(int depth) {
    int below = 0;
    coroutine co([&] {
        weft::yield();
        below = depth == 0 ? 0 : nested(depth - 1);
    });
    co.enter();
    co.enter();
    return below + 1;
}

int in_turn() {
    int steps = 0;
    std::vector<coroutine> all;
    for (int i = 0; i < 20; ++i) {
        all.emplace_back([&, i] {
            for (int step = 0; step < i; ++step) {
                ++steps;
                descend(step);
            }
        });
    }
    for (int round = 0; round < 20; ++round) {
        for (coroutine& co : all) {
            if (!co.done()) {
                co.enter();
            }
        }
    }
    return steps;
}

}  // namespace

int main() {
    asm volatile("int3");  // from here on the machine watches
    int failures = (lives_on_one_stack() != 300) + (nested(10) != 11) + (in_turn() != 190);
    asm volatile("int3");
    return failures;
}
