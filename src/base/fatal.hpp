// Floor: base
//
// How messages end the program, and what they say of call sites and exceptions.

#pragma once

#include <exception>
#include <string>
#include <weft/call_site.hpp>

#include "base/fixed_text.hpp"

namespace weft::detail {

/// `server.cpp:30`. Async-signal-safe.
void add_call_site(call_site p, fixed_text& text) noexcept;
/// The same.
std::string text(call_site p);
/// what(), where the exception has one.
std::string text(std::exception_ptr const& thrown);

/// Prints `weft: FILE:LINE: what` and aborts.
[[noreturn]] void die(call_site where, std::string const& what) noexcept;

}  // namespace weft::detail
