// Floor: task

#pragma once

#include <cstddef>

namespace weft::detail {

/// Copies from an address where there may be nothing. Returns false then.
bool read_own_memory(void* to, void const* from, std::size_t bytes) noexcept;

}  // namespace weft::detail
