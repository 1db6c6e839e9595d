// Floor: system

#include <cerrno>
#include <system_error>

#include "system/make_reactor.hpp"

namespace weft::detail {

#if !defined(WEFT_HAS_IO_URING)
std::unique_ptr<reactor> make_io_uring_reactor() {
    throw std::system_error(ENOSYS, std::generic_category(), "weft: built without liburing");
}
#endif

std::span<reactor_kind const> reactor_kinds() noexcept {
    static constexpr reactor_kind kinds[] = {
        {"io_uring", make_io_uring_reactor}, {"epoll", make_epoll_reactor}, {"portable", make_portable_reactor}};
    return kinds;
}

}  // namespace weft::detail
