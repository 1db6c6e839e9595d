// Floor: system

#include "system/call_kernel.hpp"

#include <cerrno>

namespace weft::detail {

std::int64_t call_kernel(operation& op) noexcept {
    return op.what == operation::kind::call ? op.call(op.argument) : -ENOSYS;
}

void close_file(int) noexcept {}

}  // namespace weft::detail
