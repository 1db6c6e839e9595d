// Floor: loop
//
// The timers of a loop.

#pragma once

#include <cstddef>
#include <vector>
#include <weft/detail/coroutine/executor.hpp>

namespace weft::detail {

/// Timers by the moment they expire: a heap with four children a node. Arming and disarming cost O(log n).
class timer_heap {
public:
    void arm(timer& t, clock::time_point when);
    void disarm(timer& t) noexcept;
    [[nodiscard]] bool empty() const { return heap_.empty(); }
    [[nodiscard]] clock::time_point first() const { return heap_.front().when; }
    /// Takes out the first timer.
    timer& pop() noexcept;

private:
    struct entry {
        clock::time_point when;
        timer* t;
    };
    void put(std::size_t index, entry e) noexcept;
    void up(std::size_t index, entry e) noexcept;
    void down(std::size_t index, entry e) noexcept;

    std::vector<entry> heap_;
};

}  // namespace weft::detail
