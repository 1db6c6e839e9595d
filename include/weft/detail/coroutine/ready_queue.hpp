// Floor: coroutine
//
// The coroutines that a loop is to run, first in, first out.
//
// A list that is linked through the control blocks finds the next one only when it has the block of the one before in its
// cache. With thousands ready, each is a wait for memory. So a long queue looks ahead: it keeps a second link, from each
// element to the one `distance` places behind it, and when an element is taken out, what that one needs is fetched.
//
//      taken out --next--> ... 16 places ... --> X
//          \------------------ahead-------------/        fetched now: two lines of X's block, and its stack's top
//
// A short queue would pay for that and gain nothing. Which it is shows without a count: a turn of the loop ends before it has
// come to the element that was last when it began.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <weft/detail/base/list.hpp>
#include <weft/detail/coroutine/control_block.hpp>

namespace weft::detail {

class ready_queue {
public:
    [[nodiscard]] bool empty() const noexcept { return queue_.empty(); }
    /// nullptr if it is empty.
    [[nodiscard]] control_block const* first() const noexcept { return queue_.first(); }

    void push(control_block& co) noexcept { push(co, co.parked_stack_pointer); }
    /// Of one whose stack pointer is not in its block yet.
    void push(control_block& co, void const* stack_pointer) noexcept {
        queue_.push(co);
        if (looks_ahead_) [[unlikely]] {
            link(co, stack_pointer);
        }
    }

    /// Removes the first. The queue is not empty.
    control_block& pop() noexcept {
        control_block& co = queue_.pop();
        if (&co == last_of_turn_) [[unlikely]] {
            last_of_turn_ = nullptr;
        }
        __builtin_prefetch(queue_.first(), 1);
        __builtin_prefetch(reinterpret_cast<char*>(queue_.first()) + cache_line, 1);
        if (looks_ahead_) [[unlikely]] {
            unlink(co);
            fetch(co);
        }
        return co;
    }

    void begin_turn() noexcept { last_of_turn_ = queue_.last(); }
    /// `full`: the turn has run as many as it may.
    void end_turn(bool full) noexcept {
        if (bool many = full && last_of_turn_ != nullptr; many != looks_ahead_) {
            looks_ahead_ = many;
            latest_.fill(nullptr);
        }
    }

private:
    /// How far. Memory answers after about 100 ns, in which 5 to 10 coroutines have their turn (bench/sync.py, yield rows).
    static constexpr std::uint8_t distance = 16;
    static constexpr std::size_t cache_line = 64;

    void link(control_block& co, void const* stack_pointer) noexcept {
        control_block*& place = latest_[position_];
        if (place != nullptr) {
            place->ahead = &co;
            place->stack_ahead = stack_pointer;
        }
        place = &co;
        co.place_in_ready_queue = position_;
        co.ahead = nullptr;
        position_ = static_cast<std::uint8_t>((position_ + 1) % distance);
    }

    /// From here on it may be destroyed, so nobody may write its link any more.
    void unlink(control_block const& co) noexcept {
        control_block*& place = latest_[co.place_in_ready_queue];
        place = place == &co ? nullptr : place;
    }

    /// One that was pushed before the queue began to look ahead has an old link. No harm: a fetch of any address is allowed.
    static void fetch(control_block const& co) noexcept {
        __builtin_prefetch(co.ahead, 1);
        __builtin_prefetch(reinterpret_cast<char*>(co.ahead) + cache_line, 1);
        __builtin_prefetch(co.stack_ahead, 1);
    }

    intrusive_queue<control_block> queue_;
    control_block const* last_of_turn_ =
        nullptr;  ///< The one that was last when the turn began, until it is taken out.
    bool looks_ahead_ = false;
    std::uint8_t position_ = 0;
    std::array<control_block*, distance> latest_{};  ///< The last that were pushed, those that were taken out left out.
};

}  // namespace weft::detail
