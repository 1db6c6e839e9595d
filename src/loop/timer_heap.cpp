// Floor: loop

#include <algorithm>
#include <weft/detail/base/assert.hpp>
#include <weft/detail/loop/timer_heap.hpp>

namespace weft::detail {
namespace {

constexpr std::size_t children = 4;

}  // namespace

void timer_heap::put(std::size_t index, entry e) noexcept {
    heap_[index] = e;
    e.t->index = index;
}

void timer_heap::up(std::size_t index, entry e) noexcept {
    while (index > 0) {
        std::size_t parent = (index - 1) / children;
        if (heap_[parent].when <= e.when) {
            break;
        }
        put(index, heap_[parent]);
        index = parent;
    }
    put(index, e);
}

void timer_heap::down(std::size_t index, entry e) noexcept {
    for (;;) {
        std::size_t first = index * children + 1;
        if (first >= heap_.size()) {
            break;
        }
        std::size_t last = std::min(first + children, heap_.size());
        std::size_t smallest = first;
        for (std::size_t child = first + 1; child < last; ++child) {
            if (heap_[child].when < heap_[smallest].when) {
                smallest = child;
            }
        }
        if (e.when <= heap_[smallest].when) {
            break;
        }
        put(index, heap_[smallest]);
        index = smallest;
    }
    put(index, e);
}

void timer_heap::arm(timer& t, clock::time_point when) {
    disarm(t);
    t.when = when;
    heap_.push_back({when, &t});
    up(heap_.size() - 1, {when, &t});
}

void timer_heap::disarm(timer& t) noexcept {
    if (!t.armed()) {
        return;
    }
    std::size_t index = std::exchange(t.index, timer::not_armed);
    WEFT_ASSERT(index < heap_.size() && heap_[index].t == &t, "an armed timer to be where it was armed", &t);
    entry last = heap_.back();
    heap_.pop_back();
    if (last.t == &t) {
        return;
    }
    if (index > 0 && last.when < heap_[(index - 1) / children].when) {
        up(index, last);
    } else {
        down(index, last);
    }
}

timer& timer_heap::pop() noexcept {
    timer& t = *heap_.front().t;
    disarm(t);
    return t;
}

}  // namespace weft::detail
