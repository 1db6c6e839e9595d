// Floor: loop

#include "loop/fork.hpp"

#include "stack/system.hpp"

namespace weft::detail {
namespace {

// Changed only in a child that has one thread.
constinit unsigned count = 0;

[[maybe_unused]] int const counts = at_fork(nullptr, nullptr, [] { ++count; });

}  // namespace

unsigned forks() noexcept {
    return count;
}

}  // namespace weft::detail
