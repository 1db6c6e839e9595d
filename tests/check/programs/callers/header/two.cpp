#include "log.hpp"

void two() {
    log_rightly();  // expect: weft-unmarked-caller
}
