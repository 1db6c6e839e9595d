// Floor: wait
//
// Keeps waits from being cancelled: for cleaning up, and for operations that have to complete before memory is freed.
//
//     void close_file(weft::file& file) {
//         weft::shield guard;
//         file.sync();        // waits to its end, also in a task that was cancelled or whose deadline has passed
//     }

#pragma once

#include <weft/detail/coroutine/park.hpp>

namespace weft {

/// During its lifetime neither cancellation nor a deadline ends the caller's waits. Shields nest. A cancellation or a
/// deadline that came meanwhile ends the first wait after the outermost shield.
///
/// Destroy it where it was made: in the same coroutine, or on the same thread outside one.
/// Suspends: no. Allocates: no.
class shield {
public:
    [[nodiscard]] shield() : whose_(detail::stop_of_caller()) { ++whose_.shielded; }
    shield(shield const&) = delete;
    shield& operator=(shield const&) = delete;
    ~shield() { --whose_.shielded; }

private:
    detail::stop_state& whose_;
};

}  // namespace weft
