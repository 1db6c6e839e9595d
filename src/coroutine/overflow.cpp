// Floor: coroutine
//
// Whose stack has overflowed. Runs in a signal's handler.

#include "stack/overflow.hpp"

#include <weft/detail/coroutine/control_block.hpp>

#include "coroutine/misuse.hpp"
#include "coroutine/overflow.hpp"

namespace weft::detail {
namespace {

stack const* running() noexcept {
    control_block const* current = this_thread().current;
    return current == nullptr ? nullptr : &current->memory;
}

bool describe_overflow(stack const& s, std::string_view where, fixed_text& text) noexcept {
    control_block const* co = coroutine_on(s);
    if (co == nullptr) {
        return false;
    }
    describe(*co, text);
    text << " overflowed its stack of " << usable_kib(co->frames().slot_size) << " KiB (coroutine_options::stack_size)"
         << where << "; it was entered at ";
    add_call_site(co->entered_at, text);
    if (*co->suspended_at.file() != '\0') {
        text << ", and had last suspended at ";
        add_call_site(co->suspended_at, text);
    }
    return true;
}

constexpr stack_user coroutines{running, describe_overflow};

}  // namespace

void report_overflows_of_coroutines() noexcept {
    set_stack_user(coroutines);
    watch_for_overflow();
}

}  // namespace weft::detail
