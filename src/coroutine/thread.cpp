// Floor: coroutine

#include <cxxabi.h>

#include <weft/detail/coroutine/thread.hpp>

#include "coroutine/leak_roots.hpp"
#include "coroutine/overflow.hpp"

namespace weft::detail {

constinit exception_globals exceptions_not_known_yet{.uncaught = 1};

}  // namespace weft::detail

// Named from assembly, which link-time optimisation does not read: `used`, or it would be renamed or dropped.
extern "C" {
[[gnu::used, gnu::tls_model("initial-exec")]] constinit thread_local weft::detail::thread_state weft_thread{
    {}, nullptr, nullptr, &weft::detail::exceptions_not_known_yet, nullptr, nullptr, 0, 0, nullptr, 0, {}, nullptr, 0};
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

[[gnu::noinline]] void* thread_address() {
    void* address = &weft_thread;
    asm volatile("" : "+r"(address));  // so that no compiler takes the result of two calls for the same
    return address;
}

}  // namespace weft::context
#endif
