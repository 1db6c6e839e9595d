// Floor: base
//
// A mutex that is there from the start: initialised before any code runs, and never destroyed. Where std::mutex is one, it
// is that; mingw-w64's is not.

#pragma once

#if defined(_WIN32)

namespace weft::detail {

/// An SRWLOCK: a word that is 0 at first.
class static_mutex {
public:
    void lock() noexcept;
    void unlock() noexcept;

private:
    void* word_ = nullptr;
};

}  // namespace weft::detail

#else

#include <mutex>

namespace weft::detail {
using static_mutex = std::mutex;
}

#endif
