// Floor: io
//
// Making sockets, and giving them their addresses.

#pragma once

#include <weft/listener.hpp>

namespace weft::detail {

/// `type`: SOCK_STREAM, SOCK_DGRAM. Throws std::system_error that names the address.
[[nodiscard]] descriptor make_socket(endpoint const& address, int type);

/// Gives the socket the address. A Unix socket's name that nobody uses any more is replaced.
/// Throws std::system_error that names the address.
[[nodiscard]] bound_path bind_to(int socket, endpoint const& address, int type, bind_options const& options);

}  // namespace weft::detail
