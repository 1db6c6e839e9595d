#include <coroutines.hpp>

using with_argument = void (*)(void*);
using marked_with_argument WEFT_COROUTINE_FN = void (*)(void*);

with_argument lost = reinterpret_cast<with_argument>(&yield);  // expect: weft-lost-mark
marked_with_argument kept = reinterpret_cast<marked_with_argument>(&yield);
with_argument lost_again = (with_argument)kept;  // expect: weft-lost-mark
