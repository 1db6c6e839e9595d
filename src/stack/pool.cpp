// Floor: stack
//
// Pools of released stacks: a cache of each thread, and a shared pool of each size.
//
//      allocate:  thread's cache -> (empty: a batch from) shared pool -> (empty: carve) slab
//      release:   thread's cache -> (full: a batch to) shared pool -> (too many bytes idle: pages go back) cold list
//
// What a cache may hold is bounded in bytes, all of its stacks' pages counted. What goes to the shared pool gives back the pages
// that only a deep use touches, and what is left of each is counted. So idle stacks hold at most cache_bytes a thread and size,
// and idle_bytes_kept a size.
//
// What is kept follows the demand: it rises at once with what is given back, and at each look (trim_idle_stacks(), after so many
// lives, and each second that a loop has nothing to do in) half of what nobody has needed since the last look goes cold; and what
// lies in the thread's own cache gives back its deep pages.
//
// The link of a cached stack lies on the stack itself, in the page that it has touched anyway.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>
#include <weft/detail/base/assert.hpp>
#include <weft/detail/context/sanitizer.hpp>

#include "stack/slab.hpp"
#include "stack/system.hpp"

namespace weft {
namespace detail {
namespace {

constexpr std::size_t smallest_slot = 2 * stack_guard_size;
constexpr std::size_t largest_slot = std::bit_floor(SIZE_MAX / 4);
constexpr std::size_t size_classes = std::countr_zero(largest_slot) - std::countr_zero(smallest_slot) + 1;

/// How much a thread's cache may hold of one size, in bytes and in stacks.
constexpr std::size_t cache_bytes = std::size_t{8} << 20;
constexpr std::size_t cache_stacks = 64;

/// How many of its upper bytes an idle stack keeps in memory: more than most coroutines ever touch.
constexpr std::size_t warm_bytes = 16 * 1024;

/// How many stacks a look makes cold at most, of one size: about a microsecond each.
constexpr std::size_t most_cooled_at_once = 64;

/// 0 for those of which already one might hold too much.
constexpr std::size_t cache_limit(std::size_t slot_size) {
    return std::min(cache_bytes / slot_size, cache_stacks);
}

std::size_t class_of(std::size_t slot_size) {
    return static_cast<std::size_t>(std::countr_zero(slot_size) - std::countr_zero(smallest_slot));
}

struct free_stack {
    free_stack* next;
    stack self;
    std::size_t resident;  ///< Bytes that it holds; known once it was trimmed.
};

/// Some pool may have warm stacks. Set after each that comes; who looks clears it before, and sets it again for what stays.
constinit std::atomic<bool> some_are_warm{false};

/// Gives the pages back that a deep use has touched. Returns how many bytes are still held.
std::size_t trim(stack const& s) noexcept {
    char* keep = s.top - std::min(warm_bytes, static_cast<std::size_t>(s.top - s.low));
    char* touched = s.low;
    if (s.slot_size <= cache_bytes) {  // else to ask page after page takes longer than to give back
        touched = lowest_touched(s.low, s.top);
    }
    if (touched < keep) {
        give_back(s.low, keep);
        touched = keep;
    }
    // The top of an idle stack is in use, by its record: where none seems to be touched, the system does not say.
    return static_cast<std::size_t>(s.top - (touched == s.top ? keep : touched));
}

free_stack* record_of(stack const& s) {
    return reinterpret_cast<free_stack*>(s.top - sizeof(free_stack));
}

struct free_list {
    free_stack* first = nullptr;
    std::size_t count = 0;

    void push(stack const& s) {
        auto* record = record_of(s);
        *record = {first, s, 0};
        first = record;
        ++count;
    }
    stack pop() {
        stack s = first->self;
        WEFT_ASSERT(record_of(s) == first, "an idle stack to be as it was left; somebody wrote to it", first);
        first = first->next;
        --count;
        return s;
    }
};

class shared_pool {
public:
    /// Moves up to `most` stacks into `cache`, at least one.
    void fill(free_list& cache, std::size_t slot_size, std::size_t most) {
        std::lock_guard lock(mutex_);
        while (warm_.count > 0 && cache.count < most) {
            cache.push(pop_warm());
        }
        unneeded_ = std::min(unneeded_, warm_.count);
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
        free_stack* leaves = cache.first;
        for (std::size_t count = cache.count; count > keep; --count, leaves = leaves->next) {
            leaves->resident = trim(leaves->self);
        }
        std::lock_guard lock(mutex_);
        while (cache.count > keep) {
            std::size_t resident = cache.first->resident;
            stack s = cache.pop();
            if (warm_resident_ + resident <= idle_bytes_kept || !cool(s)) {
                push_warm(s, resident);
            }
        }
    }

    /// What lay idle since the last time, and so was not needed, goes cold, half of it.
    void look_at_demand() noexcept {
        std::lock_guard lock(mutex_);
        for (std::size_t n = std::min((unneeded_ + 1) / 2, most_cooled_at_once); n > 0; --n) {
            std::size_t resident = warm_.first->resident;
            stack s = pop_warm();
            if (!cool(s)) {
                push_warm(s, resident);
                break;
            }
        }
        unneeded_ = warm_.count;
        if (warm_.count > 0) {
            some_are_warm.store(true, std::memory_order_relaxed);
        }
    }

    void lock() { mutex_.lock(); }
    void unlock() { mutex_.unlock(); }

private:
    void push_warm(stack const& s, std::size_t resident) noexcept {
        warm_.push(s);
        warm_.first->resident = resident;
        warm_resident_ += resident;
        some_are_warm.store(true, std::memory_order_relaxed);
    }
    stack pop_warm() {
        warm_resident_ -= warm_.first->resident;
        return warm_.pop();
    }

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
    std::size_t warm_resident_ = 0;  ///< Bytes that those hold.
    std::size_t unneeded_ = 0;       ///< The fewest that were warm since the last look.
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

/// On the heap, because thread-local storage that a plugin needs at once is scarce: dlopen() fails where it has run out.
using cache = std::array<free_list, size_classes>;

struct own_cache {
    cache* lists = nullptr;
    bool thread_ends = false;  ///< From now on all goes to the shared pools at once.
};

// Of a trivial type, so that reaching it costs no check whether it was made yet, and it is there to the very end.
constinit thread_local own_cache own;

/// Gives all back when the thread ends.
struct cache_keeper {
    ~cache_keeper() {
        own.thread_ends = true;
        cache* lists = std::exchange(own.lists, nullptr);
        for (std::size_t i = 0; lists != nullptr && i < size_classes; ++i) {
            if ((*lists)[i].count > 0) {
                pool_of(i).drain((*lists)[i], 0);
            }
        }
        delete lists;
    }
};

/// nullptr when the thread ends, and where there is no memory for one.
cache* make_own_cache() noexcept {
    if (!own.thread_ends) {
        own.lists = new (std::nothrow) cache;
        keep_cache_until_thread_ends();
    }
    return own.lists;
}

[[gnu::always_inline]] inline cache* cache_of_thread() noexcept {
    return own.lists != nullptr ? own.lists : make_own_cache();
}

}  // namespace

void keep_cache_until_thread_ends() {
    thread_local cache_keeper keeper;
    (void)keeper;
}

void trim_idle_stacks() noexcept {
    for (std::size_t i = 0; own.lists != nullptr && i < size_classes; ++i) {
        for (free_stack* idle = (*own.lists)[i].first; idle != nullptr; idle = idle->next) {
            idle->resident = trim(idle->self);
        }
    }
    some_are_warm.store(false, std::memory_order_relaxed);
    for (shared_pool& pool : pools.of_class) {
        pool.look_at_demand();
    }
}

bool stacks_lie_idle() noexcept {
    return some_are_warm.load(std::memory_order_relaxed);
}

void trim_idle_stack(stack const& s) noexcept {
    (void)trim(s);
}

}  // namespace detail

namespace {

stack take_stack(std::size_t slot_size) {
    std::size_t size_class = detail::class_of(slot_size);
    detail::cache* lists = detail::cache_of_thread();
    if (lists == nullptr) [[unlikely]] {
        detail::free_list just_this;
        detail::pool_of(size_class).fill(just_this, slot_size, 1);
        return just_this.pop();
    }
    auto& list = (*lists)[size_class];
    if (list.count == 0) [[unlikely]] {
        detail::pool_of(size_class).fill(list, slot_size, std::max<std::size_t>(detail::cache_limit(slot_size) / 2, 1));
    }
    return list.pop();
}

}  // namespace

stack allocate_stack(std::size_t size) {
    if (size > detail::largest_slot) {
        throw std::system_error(std::make_error_code(std::errc::not_enough_memory),
                                "weft: no address space for a stack of " + std::to_string(size) + " bytes");
    }
    stack taken = take_stack(std::bit_ceil(std::max(size, detail::smallest_slot)));
    context::unpoison_idle(taken.low, taken.top);
    return taken;
}

void release_stack(stack const& s) noexcept {
    WEFT_ASSERT(std::has_single_bit(s.slot_size) && s.slot_size >= detail::smallest_slot,
                "a stack of allocate_stack(), whose slot's size is a power of two", s.slot_size);
    context::poison_idle(s.low, s.top - detail::readable_bytes);
    std::size_t size_class = detail::class_of(s.slot_size);
    detail::cache* lists = detail::cache_of_thread();
    if (lists == nullptr) [[unlikely]] {
        detail::free_list just_this;
        just_this.push(s);
        detail::pool_of(size_class).drain(just_this, 0);
        return;
    }
    auto& list = (*lists)[size_class];
    list.push(s);
    std::size_t limit = detail::cache_limit(s.slot_size);
    if (list.count > limit) [[unlikely]] {
        detail::pool_of(size_class).drain(list, limit / 2);
    }
}

}  // namespace weft
