// Floor: loop

#pragma once

namespace weft::detail {

/// For what is destroyed with its thread: whether the program is ending, as it does when its first thread ends.
bool thread_ends_with_process() noexcept;

}  // namespace weft::detail
