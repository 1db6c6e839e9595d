// Floor: coroutine
//
// All coroutines of the process, found as debuggers find them: by walking the tops of all stacks.

#pragma once

#include <atomic>
#include <cstdint>
#include <weft/detail/coroutine/control_block.hpp>

#include "stack/slab.hpp"

namespace weft::detail {

/// Calls f(block) for each coroutine that there is. The block may be another thread's, and go meanwhile: only its memory
/// stays.
template <class F>
void for_each_block(F f) {
    for (auto* s = std::atomic_ref(weft_slabs).load(std::memory_order_acquire); s != nullptr; s = s->next) {
        std::size_t carved = std::atomic_ref(s->carved).load(std::memory_order_acquire);
        for (std::size_t i = 0; i < carved; ++i) {
            if (control_block* co = coroutine_on(stack_in(s->slot(i), s->slot_size))) {
                f(*co);
            }
        }
    }
}

/// The coroutine whose control block is at that address; nullptr if there is none.
control_block const* coroutine_at(void const* address) noexcept;

/// What a coroutine was about at some moment. Any thread may make one, while the coroutine runs on another: then it may be
/// a mixture of two moments.
struct snapshot {
    explicit snapshot(control_block const& co) noexcept;

    control_block const* block;
    std::uint64_t id;
    state status;
    call_site created_at;
    call_site entered_at;
    call_site suspended_at;
    std::uint64_t since;
    char const* waits_for;
    void const* waits_on;
    std::atomic<void const*> const* holder;
    executor* home;
    void (*at_end)(control_block&);
    void const* maker_data;
    std::size_t stack_size;
    char name[sizeof(control_block::name)];
};

}  // namespace weft::detail
