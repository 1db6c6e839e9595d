// Enters and leaves contexts on a processor that faults at each indirect jump to anything but a landing pad. It has no
// library, because Debian's have no landing pads: exits with what it has counted.

#include <cstddef>
#include <cstdint>
#include <weft/detail/context/context.hpp>

namespace {

namespace context = weft::context;

struct counter {
    context::entry_record base;
    context::frame enterer;
    context::frame left;
};

void count(void* base, std::uintptr_t word) {
    auto& self = *static_cast<counter*>(base);
    for (;;) {
        word = context::switch_to(self.left, self.enterer, self.enterer.stack_pointer, word + 1);
    }
}

alignas(64) char stack[16 * 1024];
constinit counter one{};

[[noreturn]] void exit_with(std::uintptr_t status) {
    register std::uintptr_t x0 asm("x0") = status;
    register std::uintptr_t x8 asm("x8") = 93;  // exit, of the system calls
    asm volatile("svc #0" : : "r"(x0), "r"(x8));
    __builtin_unreachable();
}

}  // namespace

extern "C" [[noreturn]] void _start() {
    context::make(one.left, one.base, stack + sizeof(stack), &count);
    std::uintptr_t word = 0;
    for (int i = 0; i < 5; ++i) {
        word = context::switch_to(one.enterer, one.left, one.left.stack_pointer, word);
    }
    exit_with(word);
}
