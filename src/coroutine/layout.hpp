// Floor: coroutine
//
// How a debugger finds the coroutines of a process or a core, with two symbols and no debug information: weft_slabs leads
// to every stack, and weft_layout says how to read what is there. docs/debugging.md tells the walk.

#pragma once

#include <cstdint>

namespace weft::detail {

/// Offsets and sizes in bytes. Readers look at `version` first: it goes up when a field comes to mean something else.
/// New fields come at the end, and `size` tells whether they are there.
struct layout {
    std::uint32_t version;
    std::uint32_t size;
    std::uint64_t alive_mark;

    std::uint32_t slab_base;
    std::uint32_t slab_slot_size;
    std::uint32_t slab_slots;
    std::uint32_t slab_carved;
    std::uint32_t slab_next;

    std::uint32_t guard_size;
    std::uint32_t colours;
    std::uint32_t colour_step;

    std::uint32_t block_size;
    std::uint32_t block_saved;
    std::uint32_t block_parked_stack_pointer;
    std::uint32_t block_entered_at;
    std::uint32_t block_suspended_at;
    std::uint32_t block_status;
    std::uint32_t block_mark;
    std::uint32_t block_since;
    std::uint32_t block_waits_for;
    std::uint32_t block_waits_on;
    std::uint32_t block_body;
    std::uint32_t block_id;
    std::uint32_t block_created_at;
    std::uint32_t block_name;
    std::uint32_t name_size;

    std::uint32_t state_suspended;
    std::uint32_t state_running;
    std::uint32_t state_waiting;
    std::uint32_t state_queued;
    std::uint32_t state_done;

    std::uint32_t call_site_line_shift;

    std::uint32_t saved_form;  ///< 1: the next three are there; 2: a jmp_buf of the C library, at the stack pointer.
    std::uint32_t block_frame_pointer;
    std::uint32_t block_resume_address;
    std::uint32_t block_base_pointer;

    std::uint32_t block_holder;  ///< While it waits for what has one holder: where the address of its block lies.

    std::uint32_t slot_gap;
};

extern "C" layout const weft_layout;

}  // namespace weft::detail
