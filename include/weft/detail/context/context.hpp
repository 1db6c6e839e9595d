// Floor: context
//
// The switch: the one thing that is not portable. Everything above uses only what stands here.
//
//   void           make(frame& fresh, entry_record& base, void* stack_top, entry_function entry);
//   std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer, std::uintptr_t word);
//
// switch_to() saves the running context in `from` and continues the one that `to` holds, on the stack that `stack_pointer`
// says. (That is to.stack_pointer, which the caller may have marked meanwhile; and so it is at hand.) It hands `word` over,
// and returns, when somebody switches back to `from`, with the word that was handed over then. The first switch to a context
// that make() made calls entry(&base, word), which must never return.
//
//      enterer's stack                           coroutine's stack
//      switch_to(enterer, co, .., 7)  --- 7 --->   entry(&base, 7)
//      returns 8                    <-- 8 ----   switch_to(co, enterer, .., 8)
//      switch_to(enterer, co, .., 9)  --- 9 --->   returns 9
//
// Not saved by a switch: the signal mask, the FPU control words (x87 CW, MXCSR: a switch that saves them costs several
// times as much). Code that changes them changes them back before it suspends.

#pragma once

#include <cstddef>
#include <cstdint>
#include <weft/marks.hpp>

namespace weft::context {

/// Where a context's registers are saved. The first two words have the form of a frame record.
struct frame {
    void* frame_pointer = nullptr;
    void* resume_address = nullptr;
    void* stack_pointer = nullptr;
    void* fourth = nullptr;  ///< A backend's own,
    void* fifth = nullptr;   ///< and this.
};

using entry_function WEFT_COROUTINE_FN = void (*)(void* base, std::uintptr_t word);

/// The bottom of a coroutine's stack: a frame record too, so that a walk by frame pointers goes on from the coroutine's
/// first frame into whoever entered it. Where a record has the return address, it says weft_context_entry once more.
struct entry_record {
    frame* enterer = nullptr;
    void* within_entry = nullptr;
};

/// Where debuggers find a frame's registers.
enum class saved_form : std::uint32_t {
    frame = 1,        ///< In the frame.
    jump_buffer = 2,  ///< In a jmp_buf, at the address that the frame has as stack pointer.
    fiber = 3         ///< Nowhere: the system keeps those of its fibers.
};

/// What weft_context_entry expects, of each backend in assembly: so many words at the end of the stack, the entry among them.
struct entry_conventions {
    std::size_t words;
    std::size_t entry_word;
    std::size_t
        shortest_instruction;  ///< A return address lies behind a call: this far into the function it may do so.
};

/// What a backend keeps beside the memory of a stack: most nothing, as here; a shadow stack, where the processor has one
/// (context_x86_64.hpp); on Windows a fiber, on whose stack the frames lie (context_winfiber.hpp). Such a backend has a
/// class of its own, with these functions. Whoever makes a context calls begin() with what make() made.
struct no_companion {
    /// For a stack of `stack_bytes`. May throw std::system_error.
    static void map(std::size_t stack_bytes) { static_cast<void>(stack_bytes); }
    static void unmap() noexcept {}
    /// `fresh` is what make() made.
    static void begin(frame& fresh) { static_cast<void>(fresh); }
    /// `last` is what the context was left with.
    static void end(frame const& last) { static_cast<void>(last); }
    /// The stack that the frames lie on, for a coroutine whose control block lies in `memory`.
    template <class Stack>
    [[nodiscard]] static Stack const& frames(Stack const& memory) {
        return memory;
    }
    /// How large the memory has to be for a stack of `stack_size`.
    [[nodiscard]] static constexpr std::size_t memory_for(std::size_t stack_size) { return stack_size; }
    /// Sees to it that nobody has run on the frames' stack before; false: it is the memory, and that is its owner's.
    [[nodiscard]] static bool renew() { return false; }
};

}  // namespace weft::context

#if defined(WEFT_BACKEND_ASM) && defined(__x86_64__)
#include <weft/detail/context/x86_64.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__aarch64__)
#include <weft/detail/context/aarch64.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__i386__)
#include <weft/detail/context/i386.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__arm__)
#include <weft/detail/context/arm.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__riscv) && __riscv_xlen == 64
#include <weft/detail/context/riscv64.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#include <weft/detail/context/ppc64le.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__s390x__)
#include <weft/detail/context/s390x.hpp>
#elif defined(WEFT_BACKEND_ASM) && defined(__mips64) && _MIPS_SIM == _ABI64 && defined(__MIPSEL__)
#include <weft/detail/context/mips64el.hpp>
#elif defined(WEFT_BACKEND_ASM)
#error "weft: there is no assembly backend for this processor: use WEFT_BACKEND=ucontext"
#elif defined(WEFT_BACKEND_UCONTEXT) || defined(WEFT_BACKEND_SIGALTSTACK)
#include <weft/detail/context/jump.hpp>
#elif defined(WEFT_BACKEND_WINFIBER)
#include <weft/detail/context/winfiber.hpp>
#else
#error "weft: no context backend was chosen: build through CMake, or define WEFT_BACKEND_ASM, _UCONTEXT or _SIGALTSTACK"
#endif

#if defined(WEFT_BACKEND_ASM)
/// Where a new context starts: it calls the entry. See src/context/.
extern "C" void weft_context_entry();

namespace weft::context {

inline constexpr saved_form form_saved = saved_form::frame;

inline void make(frame& fresh, entry_record& base, void* stack_top, entry_function entry) {
    auto** stack = static_cast<void**>(stack_top) - at_entry.words;
    stack[at_entry.entry_word] = reinterpret_cast<void*>(entry);
    fresh.frame_pointer = &base;
    fresh.resume_address = reinterpret_cast<void*>(&weft_context_entry);
    fresh.stack_pointer = stack;
    base.within_entry = static_cast<char*>(fresh.resume_address) + at_entry.shortest_instruction;
}

}  // namespace weft::context
#endif

#if !defined(WEFT_HAS_COMPANION)
namespace weft::context {
using companion = no_companion;
}
#endif

#if !defined(WEFT_RETURN_BY_JUMP)
namespace weft::context {

/// Returns `value`, or nothing. For the last call of a function that switches and is not inlined: see context_x86_64.hpp.
[[gnu::always_inline]] inline bool return_by_jump(bool value) {
    return value;
}
[[gnu::always_inline]] inline void return_by_jump() {}

}  // namespace weft::context
#endif

#if !defined(WEFT_THREAD_ADDRESS_INLINE)
namespace weft::context {

/// The address of the calling thread's copy of weft_thread (see detail/thread.hpp). Out of line, so that no compiler
/// keeps it across a switch after which the coroutine runs on another thread.
void* thread_address();

}  // namespace weft::context
#endif
