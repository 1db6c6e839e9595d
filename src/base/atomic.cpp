// Floor: base

#include <sched.h>

#include <weft/detail/base/atomic.hpp>

namespace weft::detail {

void let_others_run() noexcept {
    sched_yield();
}

bool brief_looks::again() noexcept {
    // Longer than it takes to wake a thread on another processor of a virtual machine (25 us): two threads that hand something
    // to and fro, of which one has slept, come back to doing it awake.
    constexpr std::chrono::microseconds limit{50};
    // Who looks takes the cache line from the holder, who needs it to let go. So the first pause is half a microsecond, some times as
    // long as it takes to move a cache line, and of the others each is about as long as all before it, up to 4 us.
    constexpr unsigned rounds_per_pause = 128;
    constexpr unsigned longest_pause = 128;
    for (unsigned i = 0; i < pause_ * rounds_per_pause; ++i) {
        asm volatile("");
    }
    if (pause_ < longest_pause) {
        pause_ *= 2;
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
