// Floor: coroutine

#pragma once

#include <exception>
#include <weft/detail/context/sanitizer.hpp>

namespace weft::detail {

/// std::current_exception(). The C++ library is built without MemorySanitizer, which takes what it writes for not written.
inline std::exception_ptr present_exception() noexcept {
    std::exception_ptr thrown = std::current_exception();
#if defined(WEFT_MSAN)
    __msan_unpoison(&thrown, sizeof thrown);
#endif
    return thrown;
}

}  // namespace weft::detail
