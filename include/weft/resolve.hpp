// Floor: io
//
// Names to addresses:
//
//     for (weft::endpoint const& address : weft::resolve("example.org", "443")) { ... }
//
// With c-ares, if weft was built with it: it reads /etc/hosts, and asks the servers of /etc/resolv.conf, on the
// caller's loop and without a thread. Where it is missing, getaddrinfo(3) runs on one of the loop's threads, and
// continues in the background if the wait ends early. Numeric addresses need neither. See
// docs/decisions/0015-names.md.

#pragma once

#include <chrono>
#include <string>
#include <system_error>
#include <vector>
#include <weft/descriptor.hpp>
#include <weft/endpoint.hpp>

namespace weft {

/// Why a name has no address. Its category is called "resolve".
enum class resolve_error {
    not_found = 1,    ///< There is no such name, or it has no address.
    no_answer,        ///< No server was reachable, none answered in time, or they refused to answer.
    unknown_service,  ///< There is no such service.
    failed            ///< Anything else.
};
[[nodiscard]] std::error_code make_error_code(resolve_error e) noexcept;

struct resolve_options {
    /// AF_INET or AF_INET6: only such addresses.
    int family = AF_UNSPEC;
    /// The servers to ask; empty: those of /etc/resolv.conf. This and what follows need c-ares; without it:
    /// not_supported.
    std::vector<endpoint> servers = {};
    /// How long to wait for an answer before the next try, which waits longer; zero: the system's setting.
    std::chrono::milliseconds timeout{0};
    /// How often each server is asked; 0: the system's setting.
    int tries = 0;
};

/// The addresses of a host and a service, both by name or number, the best first; an empty host means every address of
/// this one. At least one.
/// Throws std::system_error that names both: resolve_error; operation_canceled, timed_out. Suspends.
[[nodiscard]] WEFT_MIXED_FN std::vector<endpoint> resolve(std::string const& host, std::string const& service,
                                                          call_site where = call_site::here());
[[nodiscard]] WEFT_MIXED_FN std::vector<endpoint> resolve(std::string const& host, std::string const& service,
                                                          resolve_options const& options,
                                                          call_site where = call_site::here());
/// Returns none with an error.
[[nodiscard]] WEFT_MIXED_FN std::vector<endpoint> resolve(std::string const& host, std::string const& service,
                                                          resolve_options const& options, std::error_code& ec,
                                                          call_site where = call_site::here());

}  // namespace weft

/// @cond
template <>
struct std::is_error_code_enum<weft::resolve_error> : std::true_type {};
/// @endcond
