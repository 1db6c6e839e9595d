// A plugin that contains the library: its loop, its tasks and its coroutines.

#include <weft/coroutine.hpp>
#include <weft/task.hpp>

/// Returns 42 if all went well.
extern "C" int use_plugin() {
    int steps = 0;
    weft::coroutine co([&] {
        ++steps;
        weft::yield();
        ++steps;
    });
    co.enter();
    co.enter();
    weft::run([&] {
        auto forty = weft::spawn([] {
            weft::yield();
            return 40;
        });
        steps += forty.join();
    });
    return steps;
}
