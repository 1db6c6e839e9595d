// Floor: coroutine
//
// When what lies idle is looked at: stacks, and control blocks on theirs.

#pragma once

#include <weft/time.hpp>

namespace weft::detail {

/// For a thread that has nothing to do for now. Gives back some of what nobody has needed since the last look, of the pools and of
/// the calling thread; once a second in all the process, as `now` has it, and more often costs two loads. Returns when to look
/// again, or max() if nothing lies idle in the pools. Threads: any.
[[nodiscard]] clock::time_point look_at_idle_stacks(clock::time_point now) noexcept;

}  // namespace weft::detail
