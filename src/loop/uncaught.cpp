// Floor 4: loop

#include "loop/uncaught.hpp"

#include "coroutine/misuse.hpp"

namespace weft::detail {

void die_of_uncaught(place where, std::string const& what, std::exception_ptr const& thrown) noexcept {
    std::string text = "an exception that is no std::exception";
    try {
        std::rethrow_exception(thrown);
    } catch (std::exception const& e) {
        text = e.what();
    } catch (...) {
    }
    die(where, what + " an exception that nobody can catch: " + text);
}

}  // namespace weft::detail
