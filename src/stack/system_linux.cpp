// Floor: stack. See system.hpp; and slab.hpp for the kinds of guards.

#include "stack/system.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>

#include "stack/slab.hpp"

namespace weft::detail {
namespace {

// linux/mman.h of 6.13 and newer; older headers lack it.
constexpr int madv_guard_install = 102;
constexpr int madv_populate_read = 22;  // of 5.14

[[noreturn]] void refuse(int error, std::string const& what) {
    throw std::system_error(error, std::generic_category(), "weft: " + what);
}

std::uintptr_t page_size() {
    return static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

// ---- guards ---------------------------------------------------------------------------------------------------------

namespace {

// -1: not known yet. Not a static local variable of a function: a fork() while another thread initialises one would leave
// it locked in the child.
constinit std::atomic<int> known_guard_kind{-1};

guard_kind probe_guard_kind() noexcept {
    auto page_size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* page = mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return guard_kind::mappings;
    }
    // Emulators say yes to advice that they do not know; so look whether the page can't be reached now.
    bool offered = madvise(page, page_size, madv_guard_install) == 0 &&
                   madvise(page, page_size, madv_populate_read) != 0 && errno == EFAULT;
    munmap(page, page_size);
    return offered ? guard_kind::markers : guard_kind::mappings;
}

}  // namespace

guard_kind best_guard_kind() noexcept {
    int kind = known_guard_kind.load(std::memory_order_relaxed);
    if (kind < 0) {
        kind = static_cast<int>(probe_guard_kind());
        known_guard_kind.store(kind, std::memory_order_relaxed);
    }
    return static_cast<guard_kind>(kind);
}

void force_guard_kind(guard_kind kind) noexcept {
    known_guard_kind.store(static_cast<int>(kind), std::memory_order_relaxed);
}

namespace {

constinit std::atomic<std::size_t> known_share{0};     // 0: not known yet
constinit std::atomic<std::size_t> guard_mappings{0};  // guards that are mappings; slots are never unmapped

/// How many guards may be mappings. Each makes two of its slab's one; a fifth of what vm.max_map_count allows is left to the
/// rest of the program, where each thread and each large allocation takes one or two.
std::size_t share_of_mappings() noexcept {
    std::size_t share = known_share.load(std::memory_order_relaxed);
    if (share == 0) {
        std::size_t allowed = 65'530;  // the kernel's default: Documentation/admin-guide/sysctl/vm.rst
        if (std::FILE* limit = std::fopen("/proc/sys/vm/max_map_count", "re")) {
            if (std::fscanf(limit, "%zu", &allowed) != 1) {
                allowed = 65'530;
            }
            std::fclose(limit);
        }
        share = std::max<std::size_t>(allowed / 5 * 4 / 2, 1);
        known_share.store(share, std::memory_order_relaxed);
    }
    return share;
}

[[noreturn]] void refuse_mapping(int error) {
    refuse(error,
           error == ENOMEM
               ? "cannot guard one more stack: where the kernel has no MADV_GUARD_INSTALL (before 6.13) or refuses it, "
                 "each guard is a mapping of its own, and stacks may take four fifths of vm.max_map_count; raise that "
                 "limit"
               : "cannot guard a stack");
}

/// Whether it could be done. Locked memory (mlockall) is refused, and so is all where a seccomp filter says so.
bool install_marker(char* slot) noexcept {
    return madvise(slot, stack_guard_size, madv_guard_install) == 0;
}

void install_mapping(char* slot) {
    if (guard_mappings.fetch_add(1, std::memory_order_relaxed) >= share_of_mappings()) {
        guard_mappings.fetch_sub(1, std::memory_order_relaxed);
        refuse_mapping(ENOMEM);
    }
    if (mprotect(slot, stack_guard_size, PROT_NONE) != 0) {
        int error = errno;
        guard_mappings.fetch_sub(1, std::memory_order_relaxed);
        refuse_mapping(error);
    }
}

}  // namespace

void install_guard(char* slot, guard_kind kind) {
    if (kind == guard_kind::mappings || !install_marker(slot)) {
        install_mapping(slot);
    }
}

void open_slot(char* slot, std::size_t) {
    install_guard(slot, best_guard_kind());
}

// ---- memory ---------------------------------------------------------------------------------------------------------

char* reserve_address_space(std::size_t bytes) noexcept {
    void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return nullptr;
    }
    madvise(base, bytes, MADV_NOHUGEPAGE);
    return static_cast<char*>(base);
}

void give_back(char* low, char* high) noexcept {
    auto begin = reinterpret_cast<std::uintptr_t>(low);
    auto end = reinterpret_cast<std::uintptr_t>(high) / page_size() * page_size();
    if (end > begin) {
        madvise(low, end - begin, MADV_DONTNEED);
    }
}

char* lowest_touched(char* low, char* high) noexcept {
    unsigned char resident[256];
    std::uintptr_t page = page_size();
    for (char* at = low; at < high;) {
        std::size_t pages = std::min((static_cast<std::size_t>(high - at) + page - 1) / page, sizeof(resident));
        if (mincore(at, pages * page, resident) != 0) {
            return high;
        }
        auto const* first = std::find_if(resident, resident + pages, [](unsigned char r) { return (r & 1) != 0; });
        at += static_cast<std::size_t>(first - resident) * page;
        if (first != resident + pages) {
            return at;
        }
    }
    return high;
}

// ---- fork -----------------------------------------------------------------------------------------------------------

int at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept {
    return pthread_atfork(before, in_parent, in_child);
}

}  // namespace weft::detail
