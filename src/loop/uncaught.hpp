// Floor: loop
//
// Exceptions that nobody can catch, as whoever could has not made the call.

#pragma once

#include <exception>
#include <string>
#include <weft/call_site.hpp>

namespace weft::detail {

/// Prints `weft: FILE:LINE: what an exception that nobody can catch: ...` and aborts. `what` says whose, and how it came to it.
[[noreturn]] void die_of_uncaught(call_site where, std::string const& what, std::exception_ptr const& thrown) noexcept;

}  // namespace weft::detail
