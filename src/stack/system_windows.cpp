// Floor: stack. See system.hpp.
//
// Address space and memory are had apart: a slab is reserved, and of each slot all but the guard is committed. That counts
// against what the system has promised (its commit limit), but takes memory only where it is touched.

#include "stack/system.hpp"

#include <windows.h>

#include <cxxabi.h>
#include <psapi.h>

#include <algorithm>
#include <string>
#include <system_error>

#include "stack/slab.hpp"

namespace weft::detail {
namespace {

constexpr std::size_t page_size = 4096;  // on every processor that Windows runs on today

// mingw-w64 keeps thread_local variables, and what destroys them, in two thread-specific values, that are dropped at the
// end of a thread in the order in which they were first used. So what destroys is made first, or destructors would find
// their variables gone. (Before any other constructor: 101 is the first priority that is not the compiler's own.)
[[gnu::constructor(101)]] void let_destructors_of_thread_locals_come_first() {
    static char nothing;
    __cxxabiv1::__cxa_thread_atexit([](void*) {}, &nothing, nullptr);
}

}  // namespace

guard_kind best_guard_kind() noexcept {
    return guard_kind::reserved;
}

char* reserve_address_space(std::size_t bytes) noexcept {
    return static_cast<char*>(VirtualAlloc(nullptr, bytes, MEM_RESERVE, PAGE_READWRITE));
}

void open_slot(char* slot, std::size_t slot_size) {
    if (VirtualAlloc(slot + stack_guard_size, slot_size - stack_guard_size, MEM_COMMIT, PAGE_READWRITE) == nullptr) {
        throw std::system_error(std::make_error_code(std::errc::not_enough_memory),
                                "weft: no memory for a stack of " + std::to_string(slot_size >> 10) + " KiB (error " +
                                    std::to_string(GetLastError()) + ")");
    }
}

// MEM_RESET: what is there is not worth keeping. The pages stay committed, so that using them again can't fail.
void give_back(char* low, char* high) noexcept {
    auto bytes = static_cast<std::size_t>(high - low) / page_size * page_size;
    if (bytes > 0) {
        VirtualAlloc(low, bytes, MEM_RESET, PAGE_READWRITE);
        VirtualUnlock(low, bytes);  // of pages that are not locked: takes them out of the working set
    }
}

char* lowest_touched(char* low, char* high) noexcept {
    PSAPI_WORKING_SET_EX_INFORMATION pages[64];
    for (char* at = low; at < high;) {
        std::size_t count =
            std::min((static_cast<std::size_t>(high - at) + page_size - 1) / page_size, std::size(pages));
        for (std::size_t i = 0; i < count; ++i) {
            pages[i].VirtualAddress = at + i * page_size;
        }
        if (!QueryWorkingSetEx(GetCurrentProcess(), pages, static_cast<DWORD>(count * sizeof pages[0]))) {
            return high;
        }
        for (std::size_t i = 0; i < count; ++i) {
            if (pages[i].VirtualAttributes.Valid) {
                return at + i * page_size;
            }
        }
        at += count * page_size;
    }
    return high;
}

int at_fork(void (*)(), void (*)(), void (*)()) noexcept {
    return 0;
}

}  // namespace weft::detail
