// Floor 1: stack
//
// Pools of released stacks: a cache of each thread, and a shared pool of each size.
//
//      allocate:  thread's cache -> (empty: a batch from) shared pool -> (empty: carve) slab
//      release:   thread's cache -> (full: a batch to) shared pool -> (too many idle: pages go back) cold list
//
// The link of a cached stack lies on the stack itself, in the page that it has touched anyway.

#include <sys/mman.h>

#include <array>
#include <bit>
#include <mutex>
#include <vector>

#include "stack/slab.hpp"

namespace weft {
namespace detail {
namespace {

constexpr std::size_t smallest_slot = 32 * 1024;
constexpr std::size_t size_classes = 32;
constexpr std::size_t cache_limit = 64;
constexpr std::size_t batch = cache_limit / 2;

std::size_t class_of(std::size_t slot_size) {
    return static_cast<std::size_t>(std::countr_zero(slot_size) - std::countr_zero(smallest_slot));
}

struct free_stack {
    free_stack* next;
    stack self;
};

free_stack* record_of(stack const& s) {
    return reinterpret_cast<free_stack*>(s.top - sizeof(free_stack));
}

struct free_list {
    free_stack* first = nullptr;
    std::size_t count = 0;

    void push(stack const& s) {
        auto* record = record_of(s);
        *record = {first, s};
        first = record;
        ++count;
    }
    stack pop() {
        stack s = first->self;
        first = first->next;
        --count;
        return s;
    }
};

class shared_pool {
public:
    /// Moves up to a batch of stacks into `cache`, at least one.
    void fill(free_list& cache, std::size_t slot_size) {
        std::lock_guard lock(mutex_);
        while (warm_.count > 0 && cache.count < batch) {
            cache.push(warm_.pop());
        }
        if (cache.count > 0) {
            return;
        }
        if (cold_.empty()) {
            cache.push(stack_in(carve_slot(slab_, slot_size), slot_size));
        } else {
            cache.push(cold_.back());
            cold_.pop_back();
        }
    }

    /// Takes stacks out of `cache` until it holds no more than `keep`.
    void drain(free_list& cache, std::size_t keep) noexcept {
        std::lock_guard lock(mutex_);
        while (cache.count > keep) {
            stack s = cache.pop();
            if (warm_.count < idle_stacks_kept || !cool(s)) {
                warm_.push(s);
            }
        }
    }

private:
    /// Gives the stack's pages back to the system. It can't be linked through them then: the list is beside it.
    bool cool(stack const& s) noexcept {
        try {
            cold_.push_back(s);
        } catch (std::bad_alloc const&) {
            return false;
        }
        char* slot_end = s.low - stack_guard_size + s.slot_size;
        madvise(s.low, static_cast<std::size_t>(slot_end - s.low), MADV_DONTNEED);
        return true;
    }

    std::mutex mutex_;
    free_list warm_;
    std::vector<stack> cold_;
    slab* slab_ = nullptr;
};

shared_pool& pool_of(std::size_t size_class) {
    // Never destroyed: threads that outlive main() still give stacks back.
    static auto& pools = *new std::array<shared_pool, size_classes>;
    return pools[size_class];
}

// Of a trivial type, so that reaching it costs no check whether it was made yet.
constinit thread_local std::array<free_list, size_classes> cache;

/// Gives all back when the thread ends.
struct cache_keeper {
    ~cache_keeper() {
        for (std::size_t i = 0; i < size_classes; ++i) {
            if (cache[i].count > 0) {
                pool_of(i).drain(cache[i], 0);
            }
        }
    }
};

}  // namespace

void keep_cache_until_thread_ends() {
    thread_local cache_keeper keeper;
    (void)keeper;
}

}  // namespace detail

stack allocate_stack(std::size_t size) {
    std::size_t slot_size = std::bit_ceil(size < detail::smallest_slot ? detail::smallest_slot : size);
    std::size_t size_class = detail::class_of(slot_size);
    auto& list = detail::cache[size_class];
    if (list.count == 0) [[unlikely]] {
        detail::keep_cache_until_thread_ends();
        detail::pool_of(size_class).fill(list, slot_size);
    }
    return list.pop();
}

void release_stack(stack const& s) noexcept {
    std::size_t size_class = detail::class_of(s.slot_size);
    auto& list = detail::cache[size_class];
    list.push(s);
    if (list.count > detail::cache_limit) [[unlikely]] {
        detail::keep_cache_until_thread_ends();
        detail::pool_of(size_class).drain(list, detail::batch);
    }
}

}  // namespace weft
