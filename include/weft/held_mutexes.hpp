// Floor: coroutine
//
// A coroutine that suspends while it holds a std::mutex keeps it locked for all that run on its thread meanwhile. In debug
// builds the library ends the program for it (docs/errors.md). Where it is intended, the coroutine says so:
//
//     std::scoped_lock lock(journal);         // no other coroutine of this thread takes it
//     weft::allow_held_mutexes allowed;
//     file.sync();

#pragma once

#include <weft/detail/coroutine/control_block.hpp>
#include <weft/detail/coroutine/thread.hpp>

namespace weft {

/// During its lifetime the calling coroutine may suspend while it holds mutexes of threads. Nests. Outside a coroutine, and in
/// builds that do not look for held mutexes, it has no effect.
///
/// Destroy it in the same coroutine.
/// Suspends: no. Allocates: no.
class allow_held_mutexes {
public:
    [[nodiscard]] allow_held_mutexes() noexcept : self_(detail::this_thread().current) {
        if (self_ != nullptr) {
            ++self_->may_hold_mutexes;
        }
    }
    allow_held_mutexes(allow_held_mutexes const&) = delete;
    allow_held_mutexes& operator=(allow_held_mutexes const&) = delete;
    ~allow_held_mutexes() {
        if (self_ != nullptr) {
            --self_->may_hold_mutexes;
        }
    }

private:
    detail::control_block* const self_;
};

}  // namespace weft
