// Floor: system

#include "system/quiet_thread.hpp"

#include <csignal>

namespace weft::detail {

std::thread quiet_thread(void (*run)(void*), void* argument) {
    // It inherits a mask that keeps all signals out.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct restore {
        sigset_t const& mask;
        ~restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
    } at_end{before};
    return std::thread(run, argument);
}

}  // namespace weft::detail
