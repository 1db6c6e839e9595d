// Floor: task

#include "task/own_memory.hpp"

#include <windows.h>

namespace weft::detail {

bool read_own_memory(void* to, void const* from, std::size_t bytes) noexcept {
    SIZE_T copied = 0;
    return ReadProcessMemory(GetCurrentProcess(), from, to, bytes, &copied) && copied == bytes;
}

}  // namespace weft::detail
