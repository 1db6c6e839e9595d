/* The smallest user of the installed package in C: exits with 0 if a coroutine ran in two steps. */

#include <weft/weft.h>

static void two_steps(void* steps) {
    ++*(int*)steps;
    weft_yield();
    ++*(int*)steps;
}

int main(void) {
    int steps = 0;
    weft_coroutine* co = weft_create(two_steps, &steps);
    bool stopped_in_the_middle = weft_enter(co) && steps == 1;
    bool ended = !weft_enter(co) && steps == 2;
    weft_destroy(co);
    return stopped_in_the_middle && ended ? 0 : 1;
}
