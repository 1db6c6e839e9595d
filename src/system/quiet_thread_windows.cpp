// Floor: system

#include "system/quiet_thread.hpp"

namespace weft::detail {

std::thread quiet_thread(void (*run)(void*), void* argument) {
    return std::thread(run, argument);  // Windows delivers no signals to threads
}

}  // namespace weft::detail
