#include "disk.hpp"

void scan() {
    read_disk();  // expect: weft-unmarked-caller
}
