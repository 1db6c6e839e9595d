// Floor: context. See <weft/detail/context/jump.hpp>.

#include <weft/detail/context/context.hpp>

#if defined(WEFT_BACKEND_UCONTEXT) || defined(WEFT_BACKEND_SIGALTSTACK)

#include "context/jump.hpp"

namespace weft::context {

std::uintptr_t switch_to(frame& from, frame const&, void* stack_pointer, std::uintptr_t word) {
    saved here;
    saved& target = *static_cast<saved*>(stack_pointer);
    from.stack_pointer = &here;
    target.word = word;
    if (_setjmp(here.environment) == 0) {
        if (target.fresh != nullptr) {
            begin(*target.fresh);
        }
        _longjmp(target.environment, 1);
    }
    return here.word;
}

}  // namespace weft::context

#endif
