// Floor: task

#pragma once

#include <vector>

namespace weft::detail {

/// The numbers of the processors that this thread may run on; at least one.
std::vector<int> processors_to_use();

/// The calling thread runs on that processor from now on. If the system refuses, it runs where it may.
void keep_to(int processor);

}  // namespace weft::detail
