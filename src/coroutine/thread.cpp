// Floor 2: coroutine

#include <weft/detail/thread.hpp>

namespace __cxxabiv1 {
extern "C" void* __cxa_get_globals() noexcept;
}

namespace weft::detail {

constinit exception_globals exceptions_not_known_yet{nullptr, 1};

}  // namespace weft::detail

// Named from assembly, which link-time optimisation does not read: `used`, or it would be renamed or dropped.
extern "C" {
[[gnu::used, gnu::tls_model("initial-exec")]] constinit thread_local weft::detail::thread_state weft_thread{
    {}, nullptr, &weft::detail::exceptions_not_known_yet, nullptr, 0, 0, nullptr, 0};
}

namespace weft::detail {

void learn_exception_globals(thread_state& thread) noexcept {
    thread.exceptions = static_cast<exception_globals*>(static_cast<void*>(__cxxabiv1::__cxa_get_globals()));
}

}  // namespace weft::detail

#if defined(WEFT_BACKEND_UCONTEXT)
namespace weft::context {

[[gnu::noinline, gnu::noipa]] void* thread_address() {
    asm volatile("");
    return &weft_thread;
}

}  // namespace weft::context
#endif
