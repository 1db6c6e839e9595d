// Floor 2: coroutine

#include <weft/coroutine.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>

#include "coroutine/misuse.hpp"
#include "stack/slab.hpp"

namespace weft {
namespace detail {
namespace {

constexpr std::uint64_t id_block = 1 << 20;
std::atomic<std::uint64_t> next_id_block{0};

std::uint64_t new_id(thread_state& thread) {
    if (thread.next_id % id_block == 0) [[unlikely]] {
        thread.next_id = next_id_block.fetch_add(id_block, std::memory_order_relaxed);
    }
    return ++thread.next_id;
}

void copy_name(control_block& co, std::string_view name) {
    if (name.empty()) {
        co.name[0] = '\0';  // it may be that of an earlier life
        return;
    }
    std::size_t length = std::min(name.size(), sizeof(co.name) - 1);
    std::memcpy(co.name, name.data(), length);
    co.name[length] = '\0';
}

}  // namespace

control_block& current_or_die(char const* what, place where) {
    control_block* current = this_thread().current;
    if (current == nullptr) {
        die(where, std::string(what) + "() called outside a coroutine");
    }
    return *current;
}

namespace {

constexpr std::uint64_t most_spares = 64;

control_block& new_block(std::size_t stack_size) {
    stack memory = allocate_stack(stack_size);
    auto* co = ::new (reinterpret_cast<void*>(memory.top - sizeof(control_block))) control_block;
    co->memory = memory;
    return *co;
}

void free_block(control_block& co) noexcept {
    stack memory = co.memory;
    std::destroy_at(&co);
    release_stack(memory);
}

/// Gives a thread's spare blocks back when it ends.
struct spares_keeper {
    ~spares_keeper() {
        thread_state& thread = this_thread();
        while (thread.spare != nullptr) {
            free_block(*std::exchange(thread.spare, thread.spare->next));
        }
        thread.spares = most_spares;  // what else is released at the end of the thread is freed
    }
};

void keep_until_thread_ends() {
    keep_cache_until_thread_ends();  // it takes what the spares give back, so it has to outlive them
    thread_local spares_keeper keeper;
    (void)keeper;
}

}  // namespace

control_block& create(std::size_t stack_size, std::string_view name, place where) {
    thread_state& thread = this_thread();
    control_block* co = thread.spare;
    if (co != nullptr && stack_size == default_stack_size) [[likely]] {
        thread.spare = co->next;
        --thread.spares;
    } else {
        co = &new_block(stack_size);
    }
    co->id = new_id(thread);
    co->created_at = where;
    copy_name(*co, name);
    co->fiber.create(co->memory.low, co->memory.top);
    co->status.store(state::suspended, std::memory_order_relaxed);
    return *co;
}

void release(control_block& co) noexcept {
    co.fiber.destroy();
    co.status.store(state::unused, std::memory_order_relaxed);
    thread_state& thread = this_thread();
    if (thread.spares >= most_spares || co.memory.slot_size != default_stack_size) [[unlikely]] {
        free_block(co);
        return;
    }
    if (thread.spares == 0) [[unlikely]] {
        keep_until_thread_ends();
    }
    // What its life may have changed and the next one takes for granted.
    co.left = nullptr;
    co.set_aside = nullptr;
    co.scheduled = false;
    co.stop = stop_reason::none;
    co.at_end = nullptr;
    co.failure = nullptr;
    co.next = thread.spare;
    thread.spare = &co;
    ++thread.spares;
}

namespace {

/// resume() from inside a coroutine: the frame of whoever entered that one is put aside for the time.
std::uintptr_t resume_nested(control_block& co, thread_state& thread, std::uintptr_t word) {
    control_block& enterer = *thread.current;
    context::frame outer = thread.enterer;
    enterer.base.enterer = &outer;
    std::uintptr_t result = resume(co, thread, word);
    thread_state& same_thread = this_thread();
    same_thread.enterer = outer;
    same_thread.current = &enterer;
    enterer.base.enterer = &same_thread.enterer;
    return result;
}

}  // namespace

std::uintptr_t resume_slowly(control_block& co, std::uintptr_t word, place where) {
    if (co.current_state() != state::suspended) {
        die_of_enter(co, where);
    }
    thread_state& thread = this_thread();
    learn_exception_globals(thread);
    co.entered_at = where;
    if (co.left == nullptr) {
        co.left = std::exchange(co.set_aside, nullptr);
    }
    exception_globals mine = std::exchange(*thread.exceptions, std::exchange(co.exceptions, {}));
    std::uintptr_t result = thread.current == nullptr ? resume(co, thread, word) : resume_nested(co, thread, word);
    *this_thread().exceptions = mine;
    return result;
}

std::uintptr_t leave_slowly(control_block& self, std::uintptr_t word) {
    self.exceptions = std::exchange(*this_thread().exceptions, {});
    self.fiber.before_leave(false);
    std::uintptr_t order = context::leave(self.set_aside, this_thread().enterer, word);
    self.fiber.arrived();
    return order;
}

void throw_unwinding() {
    throw unwinding();
}

bool after_leave(control_block& co, std::uintptr_t word) {
    if (word == finished) {
        return true;
    }
    auto& action = *reinterpret_cast<park_action*>(word);
    action.run(action, co);
    return false;
}

void destroy(control_block& co, place where) noexcept {
    switch (co.current_state()) {
        case state::done:
            break;
        case state::suspended:
            if (resume_slowly(co, unwind, where) != finished) {
                die_of_suspending_while_unwound(co);
            }
            break;
        default:
            die_of_destroy(co);
    }
    release(co);
}

void woken_twice(control_block const& co) {
    die({}, describe(co) + " woken twice: a handle wakes once");
}

}  // namespace detail

void handle::woken_empty() {
    detail::die({}, "wake() called on a handle that has woken its coroutine already, or that never had one");
}

void coroutine::entered_empty(place where) {
    detail::die(where, "enter() called on an empty weft::coroutine (moved from, or default-constructed)");
}

void coroutine::after_leave(std::uintptr_t result) {
    detail::control_block& co = *block_;
    if (detail::after_leave(co, result) && co.failure) {
        std::rethrow_exception(std::exchange(co.failure, nullptr));
    }
}

void coroutine_view::set_name(std::string_view name) {
    detail::copy_name(*block_, name);
}

std::uint64_t coroutine_count() noexcept {
    std::uint64_t count = 0;
    for (auto* s = std::atomic_ref(detail::weft_slabs).load(std::memory_order_acquire); s != nullptr; s = s->next) {
        std::size_t carved = std::atomic_ref(s->carved).load(std::memory_order_acquire);
        for (std::size_t i = 0; i < carved; ++i) {
            stack memory = detail::stack_in(s->base + i * s->slot_size, s->slot_size);
            auto* co = reinterpret_cast<detail::control_block*>(memory.top - sizeof(detail::control_block));
            count += co->status.load(std::memory_order_relaxed) != detail::state::unused ? 1 : 0;
        }
    }
    return count;
}

}  // namespace weft
