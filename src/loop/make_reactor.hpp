// Floor 4: loop

#pragma once

#include <weft/reactor.hpp>

namespace weft::detail {

std::unique_ptr<reactor> make_epoll_reactor();

/// Throws std::system_error where the running system lacks or denies what is needed.
std::unique_ptr<reactor> make_io_uring_reactor();

}  // namespace weft::detail
