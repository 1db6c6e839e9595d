// Floor: context
//
// The switch as a plain function. Who calls it keeps across it what the ABI lets a function keep, and nothing else: not the upper
// vector and mask registers either, whatever the caller is compiled for.

#include <weft/detail/context/context.hpp>

namespace weft::context {

std::uintptr_t switch_out_of_line(frame& from, frame const& to, void* stack_pointer, std::uintptr_t word) {
    return return_by_jump(switch_to(from, to, stack_pointer, word));
}

}  // namespace weft::context
