// Floor: loop

#include "loop/uncaught.hpp"

#include "base/fatal.hpp"
#include "coroutine/misuse.hpp"

namespace weft::detail {

void die_of_uncaught(call_site where, std::string const& what, std::exception_ptr const& thrown) noexcept {
    die(where, what + " an exception that nobody can catch: " + text(thrown));
}

}  // namespace weft::detail
