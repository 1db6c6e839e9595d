// Floor: context. See <weft/detail/context/jump.hpp>.
//
// A new context goes onto its stack when it is made, and comes back at once. setcontext() also sets the signal mask and the
// FPU control words, and here they are what they were: the first enter, which may be much later and on another thread, is
// a _longjmp() like any other and leaves them alone.
//
//      make()                                       call_entry(), on the new stack
//      getcontext(), setcontext()  -------------->  _setjmp(environment)
//      <------------------------------------------  _longjmp(back)
//      ...
//      begin()  _longjmp(environment)  ---------->  _setjmp() returns 1: entry(base, word)

#include "context/jump.hpp"

#include <ucontext.h>

#include <cstdlib>

namespace weft::context {

struct start {
    saved context;
    jmp_buf back;  ///< Into make().
    entry_record* base;
    entry_function entry;
};

namespace {

void call_entry(unsigned high, unsigned low) {
    auto address = (static_cast<std::uint64_t>(high) << 32) | low;
    auto* from = reinterpret_cast<start*>(static_cast<std::uintptr_t>(address));
    if (_setjmp(from->context.environment) == 0) {
        _longjmp(from->back, 1);
    }
    from->entry(from->base, from->context.word);  // weft-check: allow: this begins the coroutine
}

// makecontext() is given the area under the `start` itself; what lies further down is known by the guard alone.
constexpr std::size_t initial_area = 1024;

}  // namespace

void make(frame& fresh, entry_record& base, void* stack_top, entry_function entry) {
    start& from = place_start<start>(stack_top);
    from.context.fresh = &from;
    from.base = &base;
    from.entry = entry;
    ucontext_t machine;
    getcontext(&machine);
    machine.uc_stack.ss_sp = reinterpret_cast<char*>(&from) - initial_area;
    machine.uc_stack.ss_size = initial_area;
    machine.uc_link = nullptr;
    auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&from));
    makecontext(&machine, reinterpret_cast<void (*)()>(&call_entry), 2, static_cast<unsigned>(address >> 32),
                static_cast<unsigned>(address));
    fresh.stack_pointer = &from.context;
    if (_setjmp(from.back) == 0) {
        setcontext(&machine);
        std::abort();  // it only returns when there is no such context
    }
}

void begin(start& fresh) {
    _longjmp(fresh.context.environment, 1);
}

}  // namespace weft::context
