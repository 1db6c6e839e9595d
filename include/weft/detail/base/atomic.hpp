// Floor: base
//
// What the lock-free parts of the library are made of. The model check (tests/model/) puts a header of its own in the place
// of this one, and so sees each step that the code as it stands makes, in every order that they can come in.

#pragma once

#include <atomic>
#include <chrono>

namespace weft::detail {

template <class T>
using atomic = std::atomic<T>;

/// Between two looks at what another thread is about to change.
void let_others_run() noexcept;

/// Looking again for a short while, where what is waited for on another thread mostly comes sooner than a sleep would end:
/// `while (!there() && looks.again())`.
class brief_looks {
public:
    /// Whether to look once more. Lets others run now and then.
    [[nodiscard]] bool again() noexcept;

private:
    unsigned pause_ = 16;
    std::chrono::steady_clock::time_point end_{};
};

}  // namespace weft::detail
