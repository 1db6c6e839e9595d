// Floor: system

#pragma once

#include <span>
#include <weft/reactor.hpp>

namespace weft::detail {

struct reactor_kind {
    std::string_view name;
    /// Throws std::system_error where the running system lacks or denies what is needed.
    std::unique_ptr<reactor> (*make)();
};

/// Those of this system, the best first. The last is always available.
[[nodiscard]] std::span<reactor_kind const> reactor_kinds() noexcept;

std::unique_ptr<reactor> make_epoll_reactor();
std::unique_ptr<reactor> make_io_uring_reactor();
std::unique_ptr<reactor> make_portable_reactor();

}  // namespace weft::detail
