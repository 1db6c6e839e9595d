// Floor 4: loop

#include "loop/make_reactor.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>

namespace weft {

#if !defined(WEFT_HAS_IO_URING)
std::unique_ptr<reactor> detail::make_io_uring_reactor() {
    throw std::system_error(ENOSYS, std::generic_category(), "weft: built without liburing");
}
#endif

std::unique_ptr<reactor> make_reactor(std::string_view name) {
    if (name.empty()) {
        char const* wanted = std::getenv("WEFT_REACTOR");
        name = wanted == nullptr ? "" : wanted;
    }
    if (name == "io_uring") {
        return detail::make_io_uring_reactor();
    }
    if (name == "epoll") {
        return detail::make_epoll_reactor();
    }
    if (!name.empty()) {
        throw std::invalid_argument("weft: there is no reactor called '" + std::string(name) +
                                    "'; there are io_uring and epoll");
    }
    try {
        return detail::make_io_uring_reactor();
    } catch (std::system_error const&) {
        return detail::make_epoll_reactor();
    }
}

}  // namespace weft
