// Floor: stack
//
// Windows says by an exception of its own that a stack has overflowed, and calls the handler on what is left of that stack:
// enough to switch to a fiber that waits for nothing else, and has room for the report. Whose stack has overflowed is
// known by who runs. What would come next, a search for other handlers, need not find room for itself, and so the program
// ends here, as it does elsewhere: by the way that crashes take, with a dump where those are on.

#include "stack/overflow.hpp"

#include <windows.h>

#include <iterator>
#include <mutex>

#include "base/static_mutex.hpp"

namespace weft {
namespace detail {
namespace {

/// What the reporter is asked for.
struct question {
    stack overflowed;
    EXCEPTION_POINTERS exception;
    bool ends_the_program;
    void* asked_by;
};

constinit static_mutex asking;
constinit question asked{};
constinit void* reporter = nullptr;

std::uintptr_t call_site_of(EXCEPTION_POINTERS const& exception) noexcept {
    return reinterpret_cast<std::uintptr_t>(exception.ExceptionRecord->ExceptionAddress);
}

VOID CALLBACK report(void*) {
    for (;;) {
        say_who_overflowed(asked.overflowed, call_site_of(asked.exception));
        if (asked.ends_the_program) {
            RaiseFailFastException(asked.exception.ExceptionRecord, asked.exception.ContextRecord, 0);
        }
        SwitchToFiber(asked.asked_by);
    }
}

bool report_overflow(EXCEPTION_POINTERS const& exception, bool and_end_the_program) noexcept {
    stack const* running = running_stack();
    if (exception.ExceptionRecord->ExceptionCode != EXCEPTION_STACK_OVERFLOW || running == nullptr ||
        reporter == nullptr) {
        return false;
    }
    std::lock_guard lock(asking);
    asked = {*running, exception, and_end_the_program, GetCurrentFiber()};
    SwitchToFiber(reporter);
    return true;
}

LONG CALLBACK on_exception(EXCEPTION_POINTERS* exception) {
    report_overflow(*exception, true);
    return EXCEPTION_CONTINUE_SEARCH;
}

}  // namespace

void add_call_site(fixed_text& text, std::uintptr_t program_counter) noexcept {
    if (program_counter == 0) {
        return;
    }
    (text << " at ").hexadecimal(program_counter);
    HMODULE module = nullptr;
    constexpr DWORD by_address = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (!GetModuleHandleExA(by_address, reinterpret_cast<LPCSTR>(program_counter), &module)) {
        return;
    }
    char path[MAX_PATH];
    DWORD length = GetModuleFileNameA(module, path, std::size(path));
    auto start = reinterpret_cast<std::uintptr_t>(module);
    (text << " in " << std::string_view(path, length) << "+").hexadecimal(program_counter - start);
}

}  // namespace detail

bool report_overflow(EXCEPTION_POINTERS const& exception) noexcept {
    return detail::report_overflow(exception, false);
}

void watch_for_overflow() noexcept {
    static std::once_flag once;
    std::call_once(once, [] {
        detail::reporter = CreateFiber(0, detail::report, nullptr);
        if (detail::reporter != nullptr && detail::begin_to_watch()) {
            AddVectoredExceptionHandler(1, detail::on_exception);
        }
    });
}

}  // namespace weft
