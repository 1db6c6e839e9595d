// Floor 1: stack

#include "stack/slab.hpp"
#include "stack/tell_valgrind.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>

namespace weft::detail {

extern "C" {
slab* weft_slabs = nullptr;
}

namespace {

// linux/mman.h of 6.13 and newer; older headers lack it.
constexpr int madv_guard_install = 102;

constexpr std::size_t first_slab = std::size_t{16} << 20;
constexpr std::size_t largest_slab = std::size_t{16} << 30;

constexpr std::uintptr_t colours = 16;
constexpr std::uintptr_t colour_step = 128;

[[noreturn]] void refuse(int error, std::string const& what) {
    throw std::system_error(error, std::generic_category(), "weft: " + what);
}

slab* map_slab(std::size_t bytes, std::size_t slot_size) {
    void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        refuse(errno, "no address space for a slab of " + std::to_string(bytes >> 20) + " MiB of stacks");
    }
    madvise(base, bytes, MADV_NOHUGEPAGE);
    static std::mutex list_lock;
    std::lock_guard lock(list_lock);
    auto* made = new slab{static_cast<char*>(base), slot_size, bytes / slot_size, 0, weft_slabs};
    std::atomic_ref(weft_slabs).store(made, std::memory_order_release);
    return made;
}

}  // namespace

guard_kind best_guard_kind() noexcept {
    static guard_kind const kind = [] {
        void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) {
            return guard_kind::mappings;
        }
        bool offered = madvise(page, 4096, madv_guard_install) == 0;
        munmap(page, 4096);
        return offered ? guard_kind::markers : guard_kind::mappings;
    }();
    return kind;
}

void install_guard(char* slot, guard_kind kind) {
    if (kind == guard_kind::markers) {
        if (madvise(slot, stack_guard_size, madv_guard_install) != 0) {
            refuse(errno, "cannot guard a stack");
        }
        return;
    }
    if (mprotect(slot, stack_guard_size, PROT_NONE) != 0) {
        refuse(errno, errno == ENOMEM
                          ? "cannot guard one more stack: each guard is a mapping of its own on this kernel "
                            "(before 6.13), and vm.max_map_count is reached; raise that limit"
                          : "cannot guard a stack");
    }
}

char* carve_slot(slab*& current, std::size_t slot_size) {
    if (current == nullptr || current->carved == current->slots) {
        std::size_t bytes = current == nullptr ? first_slab : std::min(current->slots * slot_size * 2, largest_slab);
        current = map_slab(std::max(bytes, slot_size), slot_size);
    }
    char* slot = current->base + current->carved * slot_size;
    install_guard(slot, best_guard_kind());
    tell_valgrind(slot + stack_guard_size, slot + slot_size);
    std::atomic_ref(current->carved).store(current->carved + 1, std::memory_order_release);
    return slot;
}

stack stack_in(char* slot, std::size_t slot_size) noexcept {
    auto number = reinterpret_cast<std::uintptr_t>(slot) / slot_size;
    return {slot + stack_guard_size, slot + slot_size - number % colours * colour_step, slot_size};
}

}  // namespace weft::detail
