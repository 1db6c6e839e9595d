// The smallest user of the installed package: exits with 0 if a coroutine ran in two steps.

#include <weft/coroutine.hpp>

int main() {
    int steps = 0;
    weft::coroutine co([&] {
        ++steps;
        weft::yield();
        ++steps;
    });
    co.enter();
    const bool stopped_in_the_middle = steps == 1 && !co.done();
    co.enter();
    return stopped_in_the_middle && steps == 2 && co.done() ? 0 : 1;
}
