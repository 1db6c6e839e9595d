// Floor: io

#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace weft::detail {

/// The last system call failed: throws that.
[[noreturn]] inline void refuse(std::string const& what, int error = errno) {
    throw std::system_error(error, std::generic_category(), what);
}

inline void set_error(std::error_code& ec, int error = errno) {
    ec.assign(error, std::generic_category());
}

}  // namespace weft::detail
