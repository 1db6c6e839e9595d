// Floor: c
//
// errno values, of which those of the system are made.

#include <netdb.h>

#include "c/face.hpp"

namespace weft::c {

int error_of(std::error_code const& error) noexcept {
    if (error.category() == std::generic_category() || error.category() == std::system_category()) {
        return -error.value();
    }
    // What is left is getaddrinfo's.
    return error.value() == EAI_MEMORY ? -ENOMEM : error.value() == EAI_AGAIN ? -EAGAIN : -EHOSTUNREACH;
}

}  // namespace weft::c
