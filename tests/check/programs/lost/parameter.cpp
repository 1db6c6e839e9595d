#include <coroutines.hpp>

void for_each_block(void (*visit)(int));
void for_each_marked(WEFT_COROUTINE_FN void (*visit)(int));

WEFT_COROUTINE_FN void send(int block);
void count(int block);

WEFT_COROUTINE_FN void all() {
    for_each_block(send);  // expect: weft-lost-mark
    for_each_block(count);
    for_each_marked(send);
    for_each_block([](int) { yield(); });  // expect: weft-lost-mark
    for_each_marked([](int) { yield(); });
}
