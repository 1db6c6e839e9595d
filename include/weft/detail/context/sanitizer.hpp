// Floor: context
//
// What AddressSanitizer and ThreadSanitizer have to be told of a switch. Each build has one of three `sanitizer_fiber`s; without one of
// these two it is empty and its functions are nothing. MemorySanitizer need not be told: what it knows of memory does not depend on
// whose stack that is.
//
//      enter:  before_enter()  -> switch ->  arrived()       on the coroutine's stack
//      yield:  before_leave()  -> switch ->  after_enter()   on the enterer's

#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_ASAN 1
#elif __has_feature(thread_sanitizer)
#define WEFT_TSAN 1
#elif __has_feature(memory_sanitizer)
#define WEFT_MSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WEFT_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define WEFT_TSAN 1
#endif

#if defined(WEFT_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(WEFT_TSAN)
#include <sanitizer/tsan_interface.h>
#elif defined(WEFT_MSAN)
#include <sanitizer/msan_interface.h>
#endif

namespace weft::context {

#if defined(WEFT_ASAN)

// A pointer to what lay on the stack of a coroutine that is gone leads to memory that the next one will use, and so would
// show nothing. Shadow memory is touched for it: of a large stack, only the upper part is poisoned.
inline constexpr std::ptrdiff_t most_poisoned = std::ptrdiff_t{1} << 20;

/// From now on AddressSanitizer reports who touches the memory: use-after-poison.
inline void poison_idle(char* low, char* high) {
    if (high - low > most_poisoned) {
        low = high - most_poisoned;
    }
    __asan_poison_memory_region(low, static_cast<std::size_t>(high - low));
}
/// Takes poison_idle() back, up to the stack's top; what was poisoned may have ended further down.
inline void unpoison_idle(char* low, char* top) {
    if (top - low > 2 * most_poisoned) {
        low = top - 2 * most_poisoned;
    }
    __asan_unpoison_memory_region(low, static_cast<std::size_t>(top - low));
}

struct sanitizer_fiber {
    void create(char* low, char* top) {
        fake_stack_ = nullptr;  // that of an earlier life went with it
        low_ = low;
        size_ = static_cast<std::size_t>(top - low);
        unpoison_idle(low, top);
    }
    /// What lies below `kept` is nobody's from now on.
    void destroy(char* kept) {
        __asan_unpoison_memory_region(low_, size_);  // what surrounds variables of frames that did not return
        poison_idle(low_, kept);
    }

    void before_enter() { __sanitizer_start_switch_fiber(&enterer_fake_stack_, low_, size_); }
    void arrived() { __sanitizer_finish_switch_fiber(fake_stack_, &enterer_low_, &enterer_size_); }
    void before_leave(bool for_ever) {
        __sanitizer_start_switch_fiber(for_ever ? nullptr : &fake_stack_, enterer_low_, enterer_size_);
    }
    void after_enter() { __sanitizer_finish_switch_fiber(enterer_fake_stack_, nullptr, nullptr); }

    /// While it is left; nullptr if it has none.
    [[nodiscard]] void* fake_stack() const { return fake_stack_; }

private:
    void* fake_stack_ = nullptr;
    void* enterer_fake_stack_ = nullptr;
    char* low_ = nullptr;
    std::size_t size_ = 0;
    void const* enterer_low_ = nullptr;
    std::size_t enterer_size_ = 0;
};

#elif defined(WEFT_TSAN)

struct sanitizer_fiber {
    void create(char*, char*) { self_ = __tsan_create_fiber(0); }
    void destroy(char*) { __tsan_destroy_fiber(self_); }

    // A function tells ThreadSanitizer when it begins and ends, which has to be on the same fiber: so these are none.
    [[gnu::always_inline]] void before_enter() {
        enterer_ = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(self_, 0);
    }
    [[gnu::always_inline]] void arrived() {}
    [[gnu::always_inline]] void before_leave(bool) { __tsan_switch_to_fiber(enterer_, 0); }
    [[gnu::always_inline]] void after_enter() {}

private:
    void* self_ = nullptr;
    void* enterer_ = nullptr;
};

#else

struct sanitizer_fiber {
    void create(char*, char*) {}
    void destroy(char*) {}
    void before_enter() {}
    void arrived() {}
    void before_leave(bool) {}
    void after_enter() {}
};

#endif

#if !defined(WEFT_ASAN)
inline void poison_idle(char*, char*) {}
inline void unpoison_idle(char*, char*) {}
#endif

}  // namespace weft::context
