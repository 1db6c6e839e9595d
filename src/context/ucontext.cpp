// Floor 0: context. See <weft/detail/context_ucontext.hpp>.
//
// A saved context points at a `saved` on its own stack: either a new one, that setcontext() starts, or one that
// _longjmp() returns to.

// glibc's checked longjmp() takes a jump to another stack for a mistake.
#undef _FORTIFY_SOURCE
#include <setjmp.h>
#include <ucontext.h>

#include <cstdint>
#include <new>
#include <weft/detail/context.hpp>

namespace weft::context {
namespace {

struct saved {
    jmp_buf environment;
    std::uintptr_t word;
    struct start* fresh = nullptr;
};

struct start {
    saved context;
    ucontext_t machine;
    base_record* base;
};

void begin(unsigned high, unsigned low) {
    auto address = (static_cast<std::uint64_t>(high) << 32) | low;
    auto* from = reinterpret_cast<start*>(static_cast<std::uintptr_t>(address));
    from->base->entry(from->base, from->context.word);
}

// makecontext() is given the area under the `start` itself; what lies further down is known by the guard alone.
constexpr std::size_t initial_area = 1024;

}  // namespace

void* make(base_record& base, void* stack_top, entry_function entry) {
    auto place = (reinterpret_cast<std::uintptr_t>(stack_top) - sizeof(start)) & ~std::uintptr_t{63};
    auto* from = ::new (reinterpret_cast<void*>(place)) start{};
    from->context.fresh = from;
    from->base = &base;
    getcontext(&from->machine);
    from->machine.uc_stack.ss_sp = reinterpret_cast<void*>(place - initial_area);
    from->machine.uc_stack.ss_size = initial_area;
    from->machine.uc_link = nullptr;
    auto address = static_cast<std::uint64_t>(place);
    makecontext(&from->machine, reinterpret_cast<void (*)()>(&begin), 2, static_cast<unsigned>(address >> 32),
                static_cast<unsigned>(address));
    base.entry = entry;
    return &from->context;
}

namespace {

std::uintptr_t switch_to(void*& save, saved& target, std::uintptr_t word) {
    saved here;
    save = &here;
    target.word = word;
    if (_setjmp(here.environment) == 0) {
        if (target.fresh != nullptr) {
            setcontext(&target.fresh->machine);
        }
        _longjmp(target.environment, 1);
    }
    return here.word;
}

}  // namespace

std::uintptr_t enter(frame& enterer, void* to, std::uintptr_t word) {
    return switch_to(enterer.stack_pointer, *static_cast<saved*>(to), word);
}

std::uintptr_t leave(void*& left, frame& enterer, std::uintptr_t word) {
    return switch_to(left, *static_cast<saved*>(enterer.stack_pointer), word);
}

}  // namespace weft::context
