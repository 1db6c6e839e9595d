// Floor: context
//
// What all backends share: where a context is saved, and what lies at the bottom of its stack.

#pragma once

#include <cstddef>
#include <cstdint>
#include <weft/marks.hpp>

// A backend that saves one more defines it as 5 before it includes this. What a switch writes lies in one cache line with 4.
#if !defined(WEFT_FRAME_WORDS)
#define WEFT_FRAME_WORDS 4
#endif

namespace weft::context {

/// Where a context's registers are saved. The first two words have the form of a frame record.
struct frame {
    void* frame_pointer = nullptr;
    void* resume_address = nullptr;
    void* stack_pointer = nullptr;
    void* fourth = nullptr;  ///< A backend's own,
#if WEFT_FRAME_WORDS > 4
    void* fifth = nullptr;  ///< and this.
#endif
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
/// (x86_64.hpp); on Windows a fiber, on whose stack the frames lie (winfiber.hpp). Such a backend has a
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
