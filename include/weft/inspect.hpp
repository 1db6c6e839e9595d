// Floor: coroutine
//
// All coroutines of the process, for whoever shows them: a status page, a watchdog.
//
//     weft::for_each_coroutine([](weft::coroutine_info const& co) {
//         if (co.state == weft::coroutine_state::waiting) { out << co.name << " waits for " << co.waits_for << '\n'; }
//     });

#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <weft/coroutine.hpp>

namespace weft {

/// A coroutine as of some moment.
struct coroutine_info {
    std::uint64_t id;
    char const* name;  ///< "" if it has none. Valid during the call.
    coroutine_state state;
    call_site created_at;
    call_site entered_at;     ///< Where it was last entered; by a loop: "weft::loop".
    call_site suspended_at;   ///< Where it last suspended.
    char const* waits_for;    ///< While waiting: the kind of thing; nullptr for a bare suspend().
    void const* waits_on;     ///< And which one.
    clock::time_point since;  ///< While waiting: the loop's turn in which that began; the epoch without a loop.
    std::size_t stack_size;   ///< Address space in bytes, guard included.
};

namespace detail {
void for_each_coroutine(void (*f)(coroutine_info const&, void*), void* argument);
}

/// Calls `f(info)` for each coroutine of the process, in no particular order. While other threads run coroutines,
/// each is shown as of some moment during the call. Walks all stacks that were ever in use: for statistics, not for
/// each request.
/// Threads: any. Suspends: no, and `f` must not. Allocates: no.
template <class F>
void for_each_coroutine(F&& f) {
    using Function = std::remove_reference_t<F>;
    detail::for_each_coroutine(
        [](coroutine_info const& info, void* function) { (*static_cast<Function*>(function))(info); },
        const_cast<void*>(static_cast<void const*>(std::addressof(f))));
}

}  // namespace weft
