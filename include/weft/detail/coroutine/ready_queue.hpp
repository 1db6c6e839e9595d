// Floor: coroutine
//
// The coroutines that are ready, in the order in which they were woken.
//
// Where there are many, the memory of each is in no cache when its turn comes, and a list shows only the next one. So each has a
// second link, to the one that comes `distance` places later, whose memory is fetched while those in between run:
//
//      first -> . -> . -> ... -> . -> last          next
//        |                       ^
//        +------- ahead ---------+                  for prefetching only
//
// An array would know all that come next, but it has to grow: a wake-up would allocate. (docs/decisions/0017)

#pragma once

#include <cstddef>
#include <cstdint>
#include <weft/detail/base/list.hpp>
#include <weft/detail/coroutine/control_block.hpp>

namespace weft::detail {

class ready_queue {
public:
    [[nodiscard]] bool empty() const noexcept { return queue_.empty(); }

    void push(control_block& co) noexcept {
        queue_.push(co);
        if (++size_ > few) [[unlikely]] {
            link_ahead(co);
        }
    }

    /// The queue is not empty.
    control_block& pop() noexcept {
        control_block& co = queue_.pop();
        if (size_-- > few) [[unlikely]] {
            fetch_ahead(co);
        }
        return co;
    }

private:
    // So many stay in the first two levels of cache, with a frame or two each.
    static constexpr std::size_t few = 256;
    static constexpr std::size_t distance = 12;
    static constexpr std::uintptr_t cache_line = 64;
    static_assert(distance <= few);

    /// The one that was pushed `distance` pushes before has not left, as more than `few` stand behind its first.
    void link_ahead(control_block& co) noexcept {
        control_block*& before = pushed_[linked_ % distance];
        if (linked_++ >= distance) {
            before->ahead = &co;
        }
        before = &co;
    }

    /// `ahead` may be of an earlier time, and what it points at gone: it is an address to fetch, and no more.
    void fetch_ahead(control_block& co) noexcept {
        if (size_ == few) {
            linked_ = 0;
        }
        auto block = reinterpret_cast<std::uintptr_t>(co.ahead);
        for (std::uintptr_t line :
             {block, block + cache_line, block - cache_line, block - 2 * cache_line}) {  // frames lie below
            __builtin_prefetch(reinterpret_cast<void const*>(line), 1);
        }
    }

    intrusive_queue<control_block> queue_;
    std::size_t size_ = 0;
    std::size_t linked_ = 0;  ///< How many, without a gap.
    control_block* pushed_[distance] = {};
};

}  // namespace weft::detail
