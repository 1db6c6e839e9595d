// Floor 2: coroutine

#include <cxxabi.h>
#include <sched.h>

#include <weft/detail/atomic.hpp>
#include <weft/detail/thread.hpp>

#include "coroutine/leak_roots.hpp"
#include "coroutine/overflow.hpp"

namespace weft::detail {

constinit exception_globals exceptions_not_known_yet{.uncaught = 1};

void let_others_run() noexcept {
    sched_yield();
}

bool brief_looks::again() noexcept {
    // Longer than it takes to wake a thread on another processor of a virtual machine (25 us): two threads that hand something
    // to and fro, of which one has slept, come back to doing it awake.
    constexpr std::chrono::microseconds limit{50};
    constexpr unsigned longest_pause = 16384;  // 4 us; each is about as long as all before it
    for (unsigned i = 0; i < pause_; ++i) {
        asm volatile("");
    }
    if (pause_ < longest_pause) {
        pause_ *= 2;  // who looks takes the cache line from the holder, who needs it to let go
        return true;
    }
    auto now = std::chrono::steady_clock::now();
    if (end_ == std::chrono::steady_clock::time_point{}) {
        end_ = now + limit;
    }
    sched_yield();
    return now < end_;
}

}  // namespace weft::detail

// Named from assembly, which link-time optimisation does not read: `used`, or it would be renamed or dropped.
extern "C" {
[[gnu::used, gnu::tls_model("initial-exec")]] constinit thread_local weft::detail::thread_state weft_thread{
    {}, nullptr, &weft::detail::exceptions_not_known_yet, nullptr, 0, 0, nullptr, 0, {}, nullptr, 0};
}

namespace weft::detail {

void learn_exception_globals(thread_state& thread) noexcept {
    if (thread.exceptions != &exceptions_not_known_yet) {
        return;
    }
    report_overflows_of_coroutines();
    show_stacks_to_leak_checker();
    thread.exceptions = static_cast<exception_globals*>(static_cast<void*>(abi::__cxa_get_globals()));
}

}  // namespace weft::detail

#if !defined(WEFT_THREAD_ADDRESS_INLINE)
namespace weft::context {

[[gnu::noinline, gnu::noipa]] void* thread_address() {
    asm volatile("");
    return &weft_thread;
}

}  // namespace weft::context
#endif
