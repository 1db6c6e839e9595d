// Floor 2: coroutine
//
// What messages say of places and exceptions.

#pragma once

#include <exception>
#include <string>
#include <weft/place.hpp>

namespace weft::detail {

/// `server.cpp:30`
std::string text(place p);
/// what(), where the exception has one.
std::string text(std::exception_ptr const& thrown);

}  // namespace weft::detail
