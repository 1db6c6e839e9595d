// Floor: context. See <weft/detail/context/winfiber.hpp>.
//
// A frame's stack pointer points at a `saved`: a new context's lies in the memory of its coroutine, another's on the stack
// that was left. The fifth word of a coroutine's frame says which system_fiber it runs on; an enterer's says nothing.

#include <windows.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <weft/detail/context/context.hpp>

namespace weft::context {

struct system_fiber {
    void* handle = nullptr;
    std::size_t bytes = 0;
    char* low = nullptr;
    char* high = nullptr;
    struct start* fresh = nullptr;  ///< What is to be run on it from the bottom, when it is next switched to.
    system_fiber* next = nullptr;   ///< While it rests.
    void* bottom[5] = {};           ///< Of __builtin_setjmp().
};

namespace {

struct saved {
    void* fiber;
    std::uintptr_t word;
};

}  // namespace

struct start : saved {
    entry_record* base;
    entry_function entry;
};

// ---- what runs on a fiber -------------------------------------------------------------------------------------------

namespace {

// What stays free for the handler when a stack has overflowed: two frames of the system's, of a few KiB, and a switch.
constexpr ULONG room_for_the_handler = 8 * 1024;

[[gnu::noinline]] void run_fresh(system_fiber& self) {
    start* what = std::exchange(self.fresh, nullptr);
    what->entry(what->base, what->word);  // does not return
}

VOID CALLBACK begin_fiber(void* self) {
    auto& me = *static_cast<system_fiber*>(self);
    ULONG room = room_for_the_handler;
    SetThreadStackGuarantee(&room);
    ULONG_PTR low = 0;
    ULONG_PTR high = 0;
    GetCurrentThreadStackLimits(&low, &high);
    me.low = reinterpret_cast<char*>(low);
    me.high = reinterpret_cast<char*>(high);
    (void)__builtin_setjmp(me.bottom);
    run_fresh(*static_cast<system_fiber*>(GetFiberData()));
}

// Not longjmp(), which would unwind, and bring back the FPU control words of then.
[[noreturn, gnu::noinline]] void go_back_to_bottom(system_fiber& self) {
    __builtin_longjmp(self.bottom, 1);
}

// ---- threads --------------------------------------------------------------------------------------------------------

/// Makes a thread that weft made a fiber a plain thread again when it ends; else what the system keeps of it would stay.
struct thread_keeper {
    ~thread_keeper() {
        if (IsThreadAFiber()) {
            ConvertFiberToThread();
        }
    }
};

[[gnu::noinline]] void make_thread_a_fiber() {
    if (ConvertThreadToFiberEx(nullptr, 0) == nullptr) {
        std::fprintf(stderr, "weft: no memory to make a thread a fiber, so that it can enter a coroutine (error %lu)\n",
                     GetLastError());
        std::abort();
    }
    thread_local thread_keeper keeper;
    (void)keeper;
}

void* running_fiber() {
    if (!IsThreadAFiber()) [[unlikely]] {
        make_thread_a_fiber();
    }
    return GetCurrentFiber();
}

}  // namespace

// ---- the switch -----------------------------------------------------------------------------------------------------

void make(frame& fresh, entry_record& base, void* stack_top, entry_function entry) {
    auto place = (reinterpret_cast<std::uintptr_t>(stack_top) - sizeof(start)) & ~std::uintptr_t{15};
    fresh.stack_pointer = static_cast<saved*>(::new (reinterpret_cast<void*>(place)) start{{nullptr, 0}, &base, entry});
}

std::uintptr_t switch_to(frame& from, frame const&, void* stack_pointer, std::uintptr_t word) {
    auto* mine = static_cast<system_fiber*>(from.fifth);
    saved here{mine != nullptr ? mine->handle : running_fiber(), 0};
    saved& target = *static_cast<saved*>(stack_pointer);
    from.stack_pointer = static_cast<saved*>(&here);
    target.word = word;
    SwitchToFiber(target.fiber);
    if (mine != nullptr && mine->fresh != nullptr) [[unlikely]] {
        go_back_to_bottom(*mine);  // this context is no more: another one is to be run on its fiber
    }
    return here.word;
}

// ---- fibers that rest -----------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t smallest = 64 * 1024;  // what Windows rounds to
constexpr std::size_t most_resting = 256;    // of each size

class resting_fibers {
public:
    system_fiber* take(std::size_t bytes) {
        std::lock_guard lock(mutex_);
        list& l = of(bytes);
        if (l.first == nullptr) {
            return nullptr;
        }
        --l.count;
        return std::exchange(l.first, l.first->next);
    }

    /// Returns false if there are enough.
    bool put(system_fiber& f) {
        std::lock_guard lock(mutex_);
        list& l = of(f.bytes);
        if (l.count == most_resting) {
            return false;
        }
        ++l.count;
        f.next = std::exchange(l.first, &f);
        return true;
    }

private:
    struct list {
        system_fiber* first = nullptr;
        std::size_t count = 0;
    };
    list& of(std::size_t bytes) { return by_size_[static_cast<std::size_t>(std::countr_zero(bytes))]; }

    std::mutex mutex_;
    std::array<list, 64> by_size_;
};

/// Never destroyed, because threads that outlive main() still end coroutines.
resting_fibers& resting() {
    static auto& all = *new resting_fibers;
    return all;
}

[[noreturn]] void refuse(std::size_t bytes) {
    throw std::system_error(std::make_error_code(std::errc::not_enough_memory),
                            "weft: no address space for a stack of " + std::to_string(bytes) + " bytes");
}

system_fiber* new_fiber(std::size_t bytes) {
    auto* made = new system_fiber;
    made->bytes = bytes;
    made->handle = CreateFiberEx(0, bytes, 0, begin_fiber, made);
    if (made->handle == nullptr) {
        delete made;
        refuse(bytes);
    }
    return made;
}

void delete_fiber(system_fiber* f) noexcept {
    DeleteFiber(f->handle);
    delete f;
}

}  // namespace

void companion::map(std::size_t stack_bytes) {
    if (stack_bytes > SIZE_MAX / 4) {
        refuse(stack_bytes);
    }
    bytes_ = std::bit_ceil(std::max(stack_bytes, smallest));
    fiber_ = resting().take(bytes_);
    if (fiber_ == nullptr) {
        fiber_ = new_fiber(bytes_);
    }
}

void companion::unmap() noexcept {
    if (fiber_ != nullptr && !resting().put(*fiber_)) {
        delete_fiber(fiber_);
    }
}

bool companion::renew() {
    system_fiber* fresh = new_fiber(bytes_);
    delete_fiber(std::exchange(fiber_, fresh));
    return true;
}

void companion::begin(frame& fresh) const {
    auto* what = static_cast<start*>(static_cast<saved*>(fresh.stack_pointer));
    what->fiber = fiber_->handle;
    fiber_->fresh = what;
    fresh.fifth = fiber_;
}

char* companion::low() const {
    return fiber_->low;
}

char* companion::high() const {
    return fiber_->high;
}

}  // namespace weft::context
