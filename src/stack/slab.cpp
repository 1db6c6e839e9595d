// Floor: stack

#include "stack/slab.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <weft/detail/base/assert.hpp>

#include "stack/system.hpp"
#include "stack/tell_valgrind.hpp"

namespace weft::detail {

extern "C" {
slab* weft_slabs = nullptr;
}

constinit static_mutex slabs_lock;

namespace {

constexpr std::size_t first_slab = std::size_t{16} << 20;
constexpr std::size_t largest_slab = first_slab << (sizeof(void*) > 4 ? 10 : 4);  // 16 GiB; of 32 bits, 256 MiB

/// So many slots, or as many as there is room for, halved until they fit: a process may have little address space left, or a
/// limit.
slab* map_slab(std::size_t slots, std::size_t slot_size) {
    char* base;
    while ((base = reserve_address_space(slots * (slot_size + slot_gap))) == nullptr && slots > 1) {
        slots /= 2;
    }
    if (base == nullptr) {
        throw std::system_error(std::make_error_code(std::errc::not_enough_memory),
                                "weft: no address space for a stack of " + std::to_string(slot_size >> 10) + " KiB");
    }
    std::lock_guard lock(slabs_lock);
    auto* made = new slab{base, slot_size, slots, 0, weft_slabs};
    std::atomic_ref(weft_slabs).store(made, std::memory_order_release);
    return made;
}

}  // namespace

char* carve_slot(slab*& current, std::size_t slot_size) {
    if (current == nullptr || current->carved == current->slots) {
        std::size_t most = std::max(largest_slab / slot_size, std::size_t{1});
        std::size_t wanted = current == nullptr ? first_slab / slot_size : current->slots * 2;
        current = map_slab(std::clamp(wanted, std::size_t{1}, most), slot_size);
    }
    WEFT_ASSERT(current->slot_size == slot_size, "a slab of slots of the size that is asked for", current->slot_size);
    char* slot = current->slot(current->carved);
    open_slot(slot, slot_size);
    tell_valgrind_of_stack(slot + stack_guard_size, slot + slot_size);
    std::atomic_ref(current->carved).store(current->carved + 1, std::memory_order_release);
    return slot;
}

stack stack_in(char* slot, std::size_t slot_size) noexcept {
    auto number = reinterpret_cast<std::uintptr_t>(slot) / (slot_size + slot_gap);
    return {slot + stack_guard_size, slot + slot_size - number % colours * colour_step, slot_size};
}

}  // namespace weft::detail
