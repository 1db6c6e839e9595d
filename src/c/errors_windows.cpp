// Floor: c
//
// errno values from the codes of Windows: those that the standard library knows the meaning of.

#include "c/face.hpp"

namespace weft::c {

int error_of(std::error_code const& error) noexcept {
    std::error_condition meaning = error.default_error_condition();
    return meaning.category() == std::generic_category() ? -meaning.value() : -EIO;
}

}  // namespace weft::c
