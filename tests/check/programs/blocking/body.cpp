#include <coroutines.hpp>

static void helper() { run(); }

void start() {
    spawn([] {
        run();  // expect!: weft-blocking-call
    });
    spawn(run);     // expect!: weft-blocking-call
    spawn(helper);  // expect!: weft-blocking-call
}
