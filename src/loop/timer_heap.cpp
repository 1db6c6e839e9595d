// Floor: loop

#include <algorithm>
#include <weft/loop.hpp>

namespace weft {
namespace {

constexpr std::size_t children = 4;

}  // namespace

void timer_heap::put(std::size_t place, entry e) noexcept {
    heap_[place] = e;
    e.t->place = place;
}

void timer_heap::up(std::size_t place, entry e) noexcept {
    while (place > 0) {
        std::size_t parent = (place - 1) / children;
        if (heap_[parent].when <= e.when) {
            break;
        }
        put(place, heap_[parent]);
        place = parent;
    }
    put(place, e);
}

void timer_heap::down(std::size_t place, entry e) noexcept {
    for (;;) {
        std::size_t first = place * children + 1;
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
        put(place, heap_[smallest]);
        place = smallest;
    }
    put(place, e);
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
    std::size_t place = std::exchange(t.place, timer::not_armed);
    entry last = heap_.back();
    heap_.pop_back();
    if (last.t == &t) {
        return;
    }
    if (place > 0 && last.when < heap_[(place - 1) / children].when) {
        up(place, last);
    } else {
        down(place, last);
    }
}

timer& timer_heap::pop() noexcept {
    timer& t = *heap_.front().t;
    disarm(t);
    return t;
}

}  // namespace weft
