#include "log.hpp"

WEFT_COROUTINE_FN void one() {
    log_slowly();
    log_rightly();
}
