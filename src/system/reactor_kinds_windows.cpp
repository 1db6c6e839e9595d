// Floor: system

#include "system/make_reactor.hpp"

namespace weft::detail {

std::span<reactor_kind const> reactor_kinds() noexcept {
    static constexpr reactor_kind kinds[] = {{"portable", make_portable_reactor}};
    return kinds;
}

}  // namespace weft::detail
