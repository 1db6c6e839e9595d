// Floor: coroutine

#include "coroutine/layout.hpp"

#include <cstddef>
#include <weft/detail/coroutine/control_block.hpp>

#include "stack/slab.hpp"

// A control block holds a std::exception_ptr, which makes it a type whose offsets compilers know, and the standard does
// not promise.
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

namespace weft::detail {

#define WEFT_OFFSET(type, member) static_cast<std::uint32_t>(offsetof(type, member))

extern "C" {
// It holds numbers only, no addresses, so that it lies in the read-only part of the file, where a core finds it too.
constexpr layout weft_layout{
    .version = 3,
    .size = sizeof(layout),
    .alive_mark = alive_mark,

    .slab_base = WEFT_OFFSET(slab, base),
    .slab_slot_size = WEFT_OFFSET(slab, slot_size),
    .slab_slots = WEFT_OFFSET(slab, slots),
    .slab_carved = WEFT_OFFSET(slab, carved),
    .slab_next = WEFT_OFFSET(slab, next),

    .guard_size = stack_guard_size,
    .colours = colours,
    .colour_step = colour_step,

    .block_size = sizeof(control_block),
    .block_saved = WEFT_OFFSET(control_block, saved.stack_pointer),
    .block_parked_stack_pointer = WEFT_OFFSET(control_block, parked_stack_pointer),
    .block_entered_at = WEFT_OFFSET(control_block, entered_at),
    .block_suspended_at = WEFT_OFFSET(control_block, suspended_at),
    .block_status = WEFT_OFFSET(control_block, status),
    .block_mark = WEFT_OFFSET(control_block, mark),
    .block_since = WEFT_OFFSET(control_block, since),
    .block_waits_for = WEFT_OFFSET(control_block, waits_for),
    .block_waits_on = WEFT_OFFSET(control_block, waits_on),
    .block_body = WEFT_OFFSET(control_block, body),
    .block_id = WEFT_OFFSET(control_block, id),
    .block_created_at = WEFT_OFFSET(control_block, created_at),
    .block_name = WEFT_OFFSET(control_block, name),
    .name_size = sizeof(control_block::name),

    .state_suspended = static_cast<std::uint32_t>(state::suspended),
    .state_running = static_cast<std::uint32_t>(state::running),
    .state_waiting = static_cast<std::uint32_t>(state::waiting),
    .state_queued = static_cast<std::uint32_t>(state::queued),
    .state_done = static_cast<std::uint32_t>(state::done),

    .call_site_line_shift = 48,

    .saved_form = static_cast<std::uint32_t>(context::form_saved),
    .block_frame_pointer = WEFT_OFFSET(control_block, saved.frame_pointer),
    .block_resume_address = WEFT_OFFSET(control_block, saved.resume_address),
    .block_base_pointer = WEFT_OFFSET(control_block, saved.fourth),

    .block_holder = WEFT_OFFSET(control_block, holder),

    .slot_gap = slot_gap,
};
}

// Readers take these fields for one word, or one byte, each.
static_assert(sizeof(call_site) == sizeof(std::uint64_t) && sizeof(control_block::status) == 1);
static_assert(sizeof(control_block::id) == 8 && sizeof(control_block::since) == 8 &&
              sizeof(slab::carved) == sizeof(void*));
static_assert(offsetof(layout, alive_mark) == 8 && offsetof(layout, slab_base) == 16);

}  // namespace weft::detail

// The gdb script goes into the file itself, so that each program has the one that fits it. (CMake says where it lies.)
#if defined(WEFT_GDB_SCRIPT)
asm(R"(
    .pushsection .debug_gdb_scripts, "MS", %progbits, 1
    .byte 4
    .ascii "gdb.inlined-script.weft\n"
    .incbin ")" WEFT_GDB_SCRIPT R"("
    .byte 0
    .popsection
)");
#endif
