// Floor 0: context. See <weft/detail/context_jump.hpp>.

#include "context/jump.hpp"

#include <ucontext.h>

#include <cstdlib>

namespace weft::context {

struct start {
    saved context;
    ucontext_t machine;
    base_record* base;
    entry_function entry;
};

namespace {

void call_entry(unsigned high, unsigned low) {
    auto address = (static_cast<std::uint64_t>(high) << 32) | low;
    auto* from = reinterpret_cast<start*>(static_cast<std::uintptr_t>(address));
    from->entry(from->base, from->context.word);  // weft-check: allow: this begins the coroutine
}

// makecontext() is given the area under the `start` itself; what lies further down is known by the guard alone.
constexpr std::size_t initial_area = 1024;

}  // namespace

void make(frame& fresh, base_record& base, void* stack_top, entry_function entry) {
    start& from = place_start<start>(stack_top);
    from.context.fresh = &from;
    from.base = &base;
    from.entry = entry;
    getcontext(&from.machine);
    from.machine.uc_stack.ss_sp = reinterpret_cast<char*>(&from) - initial_area;
    from.machine.uc_stack.ss_size = initial_area;
    from.machine.uc_link = nullptr;
    auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&from));
    makecontext(&from.machine, reinterpret_cast<void (*)()>(&call_entry), 2, static_cast<unsigned>(address >> 32),
                static_cast<unsigned>(address));
    fresh.stack_pointer = &from.context;
}

void begin(start& fresh) {
    setcontext(&fresh.machine);
    std::abort();  // it only returns when there is no such context
}

}  // namespace weft::context
