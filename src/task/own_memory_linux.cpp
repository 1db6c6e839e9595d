// Floor: task

#include "task/own_memory.hpp"

#include <sys/uio.h>
#include <unistd.h>

namespace weft::detail {

bool read_own_memory(void* to, void const* from, std::size_t bytes) noexcept {
    iovec target{to, bytes};
    iovec source{const_cast<void*>(from), bytes};
    return process_vm_readv(getpid(), &target, 1, &source, 1, 0) == static_cast<ssize_t>(bytes);
}

}  // namespace weft::detail
