// Floor: base

#include <windows.h>

#include "base/static_mutex.hpp"

namespace weft::detail {

void static_mutex::lock() noexcept {
    static_assert(sizeof word_ == sizeof(SRWLOCK));
    AcquireSRWLockExclusive(reinterpret_cast<SRWLOCK*>(&word_));
}

void static_mutex::unlock() noexcept {
    ReleaseSRWLockExclusive(reinterpret_cast<SRWLOCK*>(&word_));
}

}  // namespace weft::detail
