// Floor: io
//
// Looking up a name: by c-ares (look_up_cares.cpp), or where that is missing by getaddrinfo (look_up_getaddrinfo.cpp).

#pragma once

#include <netdb.h>

#include <memory>
#include <weft/resolve.hpp>

namespace weft::detail {

/// The addresses of a name that is not one in digits. Returns none with an error.
WEFT_MIXED_FN std::vector<endpoint> look_up(std::string const& host, std::uint16_t port, resolve_options const& options,
                                            std::error_code& ec, call_site where);

/// getaddrinfo(3). Returns what it returns.
int get_addresses(char const* host, char const* service, int family, int flags, std::vector<endpoint>& into);

/// What getaddrinfo(3) returned. After EAI_SYSTEM errno says more.
[[nodiscard]] std::error_code error_of_getaddrinfo(int code);

}  // namespace weft::detail
