// Floor: coroutine

#pragma once

namespace weft::detail {

/// Sees to it that an overflow on the calling thread is reported. For a thread's first enter.
void report_overflows_of_coroutines() noexcept;

}  // namespace weft::detail
