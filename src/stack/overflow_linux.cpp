// Floor: stack
//
// A fault is an overflow when it lies in a guard and the thread that faulted ran on the stack above it:
//
//      fault in a guard?  -- no -->  no room for a signal's frame?  -- no -->  the handler that was there before
//              | yes                         | yes
//              v                             v
//      on the stack above? -- yes -->  report, then the signal's default action
//              | no (a stray pointer)
//              +---------------------------------------------------------->  the handler that was there before
//
// All this runs in a signal's handler: no allocation, no lock, no stdio. dladdr() is not on POSIX's list of what may be
// called there; glibc's takes only the lock of the dynamic linker, which its own thread may hold already, and allocates
// nothing.

#include "stack/overflow.hpp"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <optional>
#include <weft/detail/context/sanitizer.hpp>

#include "context/machine_state.hpp"
#include "stack/slab.hpp"

namespace weft {
namespace detail {
namespace {

#if defined(WEFT_ASAN)
constexpr bool sanitizer_reports_too = true;
#else
constexpr bool sanitizer_reports_too = false;
#endif

// ---- recognising ----------------------------------------------------------------------------------------------------

/// The stack in whose slot, guard included, an address lies.
std::optional<stack> stack_around(std::uintptr_t address) noexcept {
    for (auto* s = std::atomic_ref(weft_slabs).load(std::memory_order_acquire); s != nullptr; s = s->next) {
        std::size_t offset = address - reinterpret_cast<std::uintptr_t>(s->base);
        std::size_t number = offset / (s->slot_size + slot_gap);
        if (number < std::atomic_ref(s->carved).load(std::memory_order_acquire)) {
            return stack_in(s->slot(number), s->slot_size);
        }
    }
    return std::nullopt;
}

std::uintptr_t address_of(char const* p) {
    return reinterpret_cast<std::uintptr_t>(p);
}

bool runs_on(stack const& s, std::uintptr_t stack_pointer) noexcept {
    // Not by the stack pointer alone: a frame that is larger than the guard has moved it into the slot below.
    stack const* running = running_stack();
    return (stack_pointer >= address_of(s.low) - stack_guard_size && stack_pointer <= address_of(s.top)) ||
           (running != nullptr && running->low == s.low);
}

std::optional<stack> overflowed_stack(siginfo_t const& info, std::uintptr_t stack_pointer) noexcept {
    if (info.si_code <= 0) {
        return std::nullopt;  // sent by a process, and no fault
    }
    auto address = reinterpret_cast<std::uintptr_t>(info.si_addr);
    if (info.si_code == SI_KERNEL && address == 0) {
        // What Linux says when it can't put the frame of another signal onto the stack: the address is not known.
        auto s = stack_around(stack_pointer);
        auto frame = static_cast<std::size_t>(sysconf(_SC_MINSIGSTKSZ));
        return s && stack_pointer < address_of(s->low) + frame ? s : std::nullopt;
    }
    auto s = stack_around(address);
    return s && address < address_of(s->low) && runs_on(*s, stack_pointer) ? s : std::nullopt;
}

// ---- the handler ----------------------------------------------------------------------------------------------------

/// The handler that was there before weft's.
struct earlier_handler {
    int signal;
    struct sigaction action;
    std::atomic<std::uint32_t> used_up;  ///< SA_RESETHAND: it was there for one signal.
};

earlier_handler earlier[] = {{SIGSEGV, {}, false}, {SIGBUS, {}, false}};

/// Ends the program as if there were no handler. A fault comes again when the handler returns, at the same instruction,
/// so that the core shows it; a signal that was sent has to be sent again.
void take_default_action(int signal, siginfo_t const& info) noexcept {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    sigaction(signal, &action, nullptr);
    if (info.si_code <= 0) {
        raise(signal);  // blocked until the handler returns
    }
}

/// Does what the kernel would have done with the earlier handler.
void pass_on(earlier_handler& to, siginfo_t* info, void* context) noexcept {
    struct sigaction const& action = to.action;
    bool resets = (action.sa_flags & SA_RESETHAND) != 0;
    bool used_up = resets && to.used_up.exchange(1) != 0;
    if (action.sa_handler == SIG_IGN && info->si_code <= 0) {
        return;  // of a fault, SIG_IGN is the default action
    }
    if (used_up || action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) {
        take_default_action(to.signal, *info);
        return;
    }
    sigset_t blocked = action.sa_mask;  // the signal itself is blocked, and all is put back when the handler returns
    pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    if ((action.sa_flags & SA_NODEFER) != 0 && sigismember(&action.sa_mask, to.signal) == 0) {
        sigset_t self;
        sigemptyset(&self);
        sigaddset(&self, to.signal);
        pthread_sigmask(SIG_UNBLOCK, &self, nullptr);
    }
    if ((action.sa_flags & SA_SIGINFO) != 0) {
        action.sa_sigaction(to.signal, info, context);
    } else {
        action.sa_handler(to.signal);
    }
}

void on_fault(int signal, siginfo_t* info, void* context) {
    int error = errno;
    if (report_overflow(*info, context) && !sanitizer_reports_too) {
        take_default_action(signal, *info);
    } else {
        pass_on(signal == SIGSEGV ? earlier[0] : earlier[1], info, context);
    }
    errno = error;
}

void install_handler() noexcept {
    static std::once_flag once;
    std::call_once(once, [] {
        if (!begin_to_watch()) {
            return;
        }
        for (earlier_handler& old : earlier) {
            // In two steps, so that a fault on another thread in between finds the earlier handler known.
            sigaction(old.signal, nullptr, &old.action);
            struct sigaction ours = {};
            ours.sa_sigaction = on_fault;
            ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
            sigaction(old.signal, &ours, nullptr);
        }
    });
}

// ---- signal stacks --------------------------------------------------------------------------------------------------

/// A thread's signal stack, with a guard page under it. Nothing if the thread has one from elsewhere.
class signal_stack {
public:
    signal_stack() noexcept {
        stack_t present;
        if (sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) {
            return;
        }
        // Room for the report and for an earlier handler that symbolises more; only touched pages take memory.
        usable_ = std::max<std::size_t>(static_cast<std::size_t>(sysconf(_SC_SIGSTKSZ)), 64 * 1024);
        guard_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        void* memory =
            mmap(nullptr, guard_ + usable_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (memory == MAP_FAILED) {
            return;  // an overflow ends the program without a report then
        }
        memory_ = static_cast<char*>(memory);
        mprotect(memory_, guard_, PROT_NONE);
        stack_t ours = {};
        ours.ss_sp = memory_ + guard_;
        ours.ss_size = usable_;
        sigaltstack(&ours, nullptr);
    }
    signal_stack(signal_stack const&) = delete;
    signal_stack& operator=(signal_stack const&) = delete;
    ~signal_stack() {
        if (memory_ == nullptr) {
            return;
        }
        stack_t present;
        if (sigaltstack(nullptr, &present) == 0 && present.ss_sp == memory_ + guard_) {
            stack_t none = {};
            none.ss_flags = SS_DISABLE;
            if (sigaltstack(&none, nullptr) != 0) {
                return;  // the thread ends on it, inside a handler
            }
        }
        munmap(memory_, guard_ + usable_);
    }

private:
    char* memory_ = nullptr;
    std::size_t usable_ = 0;
    std::size_t guard_ = 0;
};

}  // namespace

void add_call_site(fixed_text& text, std::uintptr_t program_counter) noexcept {
    if (program_counter == 0) {
        return;
    }
    (text << " at ").hexadecimal(program_counter);
    Dl_info found;
    if (dladdr(reinterpret_cast<void*>(program_counter), &found) == 0) {
        return;
    }
    bool named = found.dli_sname != nullptr;
    auto start = reinterpret_cast<std::uintptr_t>(named ? found.dli_saddr : found.dli_fbase);
    (text << " in " << (named ? found.dli_sname : found.dli_fname) << "+").hexadecimal(program_counter - start);
}

}  // namespace detail

bool report_overflow(siginfo_t const& info, void const* context) noexcept {
    auto machine = context::interrupted_at(context);
    auto overflowed = detail::overflowed_stack(info, machine.stack_pointer);
    if (!overflowed) {
        return false;
    }
    detail::say_who_overflowed(*overflowed, machine.program_counter);
    return true;
}

void watch_for_overflow() noexcept {
    detail::install_handler();
    thread_local detail::signal_stack of_this_thread;
    (void)of_this_thread;
}

}  // namespace weft
