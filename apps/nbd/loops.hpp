// The loops that serve clients: the main thread's, and one on each further thread.
//
//     accept on the main loop -> visit(): move_to() the loop with the fewest clients -> serve -> move_to() the main loop
//
// What a client has belongs to its loop alone from the first byte to the last.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>
#include <weft/loop.hpp>
#include <weft/runtime.hpp>
#include <weft/task.hpp>

namespace nbd {

class loops {
public:
    /// Called on the main loop, which becomes number 0. `spin`: see weft::loop::set_spin().
    /// Throws std::system_error when a thread or its loop can't be made. Suspends.
    loops(std::size_t count, std::chrono::microseconds spin);

    /// Calls `f(number)` on the loop that has the fewest visitors; on the main loop if several have as few. `f` must not throw.
    /// Throws std::bad_alloc, and then has not called it.
    /// Threads: called by a task of the main loop, there, and returns there. Suspends.
    template <class F>
    WEFT_COROUTINE_FN void visit(F f) {
        auto fewest = std::min_element(all_.begin(), all_.end(),
                                       [](place const& a, place const& b) { return a.visitors < b.visitors; });
        visitor counted(*fewest);
        weft::move_to(*fewest->loop);
        call(f, static_cast<std::size_t>(fewest - all_.begin()));
        weft::move_to(*all_.front().loop);
    }

private:
    /// Not inlined: the compiler must find the thread's own variables anew (see weft::move_to()).
    template <class F>
    [[gnu::noinline]] WEFT_COROUTINE_FN static void call(F& f, std::size_t number) {
        f(number);
    }

    struct place {
        weft::loop* loop;
        std::size_t visitors = 0;
    };

    /// Made and destroyed on the main loop.
    class visitor {
    public:
        explicit visitor(place& at) : at_(at) { ++at_.visitors; }
        visitor(visitor const&) = delete;
        visitor& operator=(visitor const&) = delete;
        ~visitor() { --at_.visitors; }

    private:
        place& at_;
    };

    std::vector<place> all_;
    std::optional<weft::runtime> further_;
};

}  // namespace nbd
