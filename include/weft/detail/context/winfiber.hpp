// Floor: context
//
// The switch for Windows: its fibers. A fiber brings a stack of its own, that the system makes, guards and lets grow, and
// no other can be given to it. So the memory of a coroutine's stack holds only what lies at its top, and each such piece
// of memory has a fiber as its companion:
//
//      memory (stack), small                        the fiber's stack, of the size that was asked for
//      | start | body | control block |             | guard, grows | frames                   | bottom |
//          |                                                                                      ^
//          +-------- begin(): is to be run on ----------------------------------------------------+
//
// A fiber costs some 10 us to make, so it is used again: those of finished coroutines rest, by size, until the next one
// is made. Where they rest is in the middle of the context that was last run on them; the first switch to the next one
// takes the fiber back to its bottom, and all frames of the earlier one are gone.
//
// A thread becomes a fiber when it first enters a context, if it is none already, and is a plain thread again when it
// ends. The FPU control words stay with the thread, as with the other backends (FIBER_FLAG_FLOAT_SWITCH is not set).

#pragma once

#define WEFT_FRAME_WORDS 5

#include <cstddef>
#include <cstdint>
#include <weft/detail/context/frame.hpp>

#define WEFT_HAS_COMPANION 1

namespace weft::context {

inline constexpr saved_form form_saved = saved_form::fiber;

void make(frame& fresh, entry_record& base, void* stack_top, entry_function entry);
std::uintptr_t switch_to(frame& from, frame const& to, void* stack_pointer, std::uintptr_t word);

/// A fiber of the system's, and what is known of its stack.
struct system_fiber;

/// See no_companion.
class companion {
public:
    void map(std::size_t stack_bytes);
    void unmap() noexcept;
    void begin(frame& fresh) const;
    static void end(frame const& last) { static_cast<void>(last); }
    template <class Stack>
    [[nodiscard]] Stack frames(Stack const&) const {
        return {low(), high(), bytes_};
    }
    [[nodiscard]] static constexpr std::size_t memory_for(std::size_t) { return 0; }
    [[nodiscard]] bool renew();

private:
    /// Known from the fiber's first switch on; nullptr before.
    [[nodiscard]] char* low() const;
    [[nodiscard]] char* high() const;

    system_fiber* fiber_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace weft::context
