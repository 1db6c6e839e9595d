// Floor: system
//
// No reactor has a descriptor here, so no loop gets as far as this.

#include "system/outside.hpp"

#include <system_error>

namespace weft::detail {

struct outside::state {};

outside::outside(int) {
    throw std::system_error(std::make_error_code(std::errc::not_supported), "weft: a loop that another one runs");
}
outside::~outside() = default;

int outside::fd() const {
    return -1;
}
void outside::wake_at(clock::time_point) noexcept {}

}  // namespace weft::detail
