// Floor: loop

#include "loop/process_end.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace weft::detail {

bool thread_ends_with_process() noexcept {
    return syscall(SYS_gettid) == getpid();
}

}  // namespace weft::detail
