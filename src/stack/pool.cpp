// Floor 1: stack
//
// Pools of released stacks: a cache of each thread, and a shared pool of each size.
//
//      allocate:  thread's cache -> (empty: a batch from) shared pool -> (empty: carve) slab
//      release:   thread's cache -> (full: a batch to) shared pool -> (too many idle: pages go back) cold list
//
// The link of a cached stack lies on the stack itself, in the page that it has touched anyway.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include "stack/slab.hpp"
#include "stack/system.hpp"

namespace weft {
namespace detail {
namespace {

constexpr std::size_t smallest_slot = 2 * stack_guard_size;
constexpr std::size_t largest_slot = std::bit_floor(SIZE_MAX / 4);
constexpr std::size_t size_classes = std::countr_zero(largest_slot) - std::countr_zero(smallest_slot) + 1;
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

    void lock() { mutex_.lock(); }
    void unlock() { mutex_.unlock(); }

private:
    /// Gives the stack's pages back to the system. It can't be linked through them then: the list is beside it.
    bool cool(stack const& s) noexcept {
        try {
            cold_.push_back(s);
        } catch (std::bad_alloc const&) {
            return false;
        }
        give_back(s.low, s.low - stack_guard_size + s.slot_size);
        return true;
    }

    static_mutex mutex_;
    free_list warm_;
    std::vector<stack> cold_;
    slab* slab_ = nullptr;
};

// Never destroyed, because threads that outlive main() still give stacks back; and there from the start, because a fork()
// while another thread makes it would leave it half made in the child.
union shared_pools {
    constexpr shared_pools() : of_class{} {}
    ~shared_pools() {}  // NOLINT(modernize-use-equals-default): a defaulted one would be deleted

    std::array<shared_pool, size_classes> of_class;
};
constinit shared_pools pools;

shared_pool& pool_of(std::size_t size_class) {
    return pools.of_class[size_class];
}

// fork() copies the locks as they are, and in the child there are no other threads that would open them. So they are all
// held by the thread that forks. What other threads have in their caches, and what they run on, is lost to the child:
// address space, and pages that it shares with the parent until one of them writes.
void before_fork() {
    for (shared_pool& pool : pools.of_class) {
        pool.lock();
    }
    slabs_lock.lock();
}

void after_fork() {
    slabs_lock.unlock();
    for (shared_pool& pool : pools.of_class) {
        pool.unlock();
    }
}

[[maybe_unused]] int const watches_fork = at_fork(before_fork, after_fork, after_fork);

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
    if (size > detail::largest_slot) {
        throw std::system_error(std::make_error_code(std::errc::not_enough_memory),
                                "weft: no address space for a stack of " + std::to_string(size) + " bytes");
    }
    std::size_t slot_size = std::bit_ceil(std::max(size, detail::smallest_slot));
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
