// Floor: coroutine
//
// What only a parked coroutine knows of is not lost. LeakSanitizer looks for pointers in the stacks that threads run on
// when the program ends; it is told here of the other stacks: those of coroutines that are left, and, where the program
// ends inside a coroutine, the thread's own.
//
// With fake stacks (detect_stack_use_after_return) a function's variables lie elsewhere, and its frame points there.

#include "coroutine/leak_roots.hpp"

#if defined(WEFT_ASAN)

#include <pthread.h>
#include <sanitizer/lsan_interface.h>

#include <cstdlib>
#include <mutex>

#include "coroutine/registry.hpp"

namespace weft::detail {
namespace {

void show(char const* from, char const* to) {
    __lsan_register_root_region(from, static_cast<std::size_t>(to - from));
}

// The words of a frame are no object of the type that they are read as, and lie in what is poisoned.
__attribute__((no_sanitize("address", "undefined"))) void show_fake_frames(void* fake_stack, char* from, char* to) {
    auto const* end = reinterpret_cast<void* const*>(to);
    for (auto const* word = reinterpret_cast<void* const*>(from); word < end; ++word) {
        void* low = nullptr;
        void* high = nullptr;
        if (__asan_addr_is_in_fake_stack(fake_stack, *word, &low, &high) != nullptr) {
            show(static_cast<char*>(low), static_cast<char*>(high));
        }
    }
}

void show_coroutine(control_block const& co) {
    auto* left =
        static_cast<char*>(co.saved.stack_pointer != nullptr ? co.saved.stack_pointer : co.parked_stack_pointer);
    char* from = left != nullptr ? left : co.memory.low;
    show(from, co.memory.top);
    if (left != nullptr && co.sanitizer.fake_stack() != nullptr) {
        show_fake_frames(co.sanitizer.fake_stack(), from, co.memory.top);
    }
}

/// The thread's own stack, where it waits for a coroutine.
void show_enterer() {
    pthread_attr_t attributes;
    if (this_thread().current == nullptr || pthread_getattr_np(pthread_self(), &attributes) != 0) {
        return;
    }
    void* low = nullptr;
    std::size_t size = 0;
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    show(static_cast<char*>(low), static_cast<char*>(low) + size);
}

void show_all() {
    show_enterer();
    for_each_block(show_coroutine);
}

}  // namespace

void show_stacks_to_leak_checker() noexcept {
    // LeakSanitizer looks when all else that is to be done at the end is done; it has asked for that before.
    static std::once_flag once;
    std::call_once(once, [] { std::atexit(show_all); });
}

}  // namespace weft::detail

#endif
