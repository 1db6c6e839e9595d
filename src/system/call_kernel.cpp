// Floor: system

#include "system/call_kernel.hpp"

namespace weft::detail {

bool blocks(operation const& op) noexcept {
    switch (op.what) {
        case operation::kind::readv:
        case operation::kind::writev:
        case operation::kind::fsync:
        case operation::kind::fallocate:
        case operation::kind::call:
            return true;
        default:
            return false;
    }
}

}  // namespace weft::detail
