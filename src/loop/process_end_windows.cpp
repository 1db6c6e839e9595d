// Floor: loop

#include "loop/process_end.hpp"

#include <windows.h>

namespace weft::detail {
namespace {

DWORD const first_thread = GetCurrentThreadId();  // the one that runs the constructors of statics

}  // namespace

bool thread_ends_with_process() noexcept {
    return GetCurrentThreadId() == first_thread;
}

}  // namespace weft::detail
