// Floor: coroutine

#include <weft/coroutine.hpp>

#include <cxxabi.h>
#include <unwind.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <weft/detail/base/assert.hpp>

#include "coroutine/layout.hpp"
#include "coroutine/misuse.hpp"
#include "coroutine/present_exception.hpp"
#include "coroutine/registry.hpp"
#include "stack/slab.hpp"
#include "stack/tell_valgrind.hpp"

namespace weft {
namespace detail {
namespace {

// Nothing but debuggers reads the table. This makes linkers take it out of a static library, and keep it.
#if defined(__ELF__)
[[gnu::used, gnu::retain]]
#else
[[gnu::used]]
#endif
layout const* const for_debuggers = &weft_layout;

constexpr std::uint64_t id_block = 1 << 16;
std::atomic<std::uint64_t> next_id_block{0};

/// Of the pools, and of the calling thread.
void trim_what_is_idle(thread_state const& thread) noexcept {
    for (control_block const* spare = thread.spare; spare != nullptr; spare = spare->next) {
        trim_idle_stack(spare->memory);
    }
    trim_idle_stacks();
}

/// A block of ids for the thread, whose first it does not use. After so many lives it is also time to look at what lies idle:
/// that costs nothing on the way of each.
void begin_id_block(thread_state& thread) noexcept {
    bool begins = thread.next_id == 0;
    thread.next_id = next_id_block.fetch_add(id_block, std::memory_order_relaxed) + 1;
    if (!begins) {  // so that threads that come and go do not make it more often
        trim_what_is_idle(thread);
    }
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

clock::time_point look_at_idle_stacks(clock::time_point now) noexcept {
    static std::atomic<clock::rep> next_look{0};
    clock::rep due = next_look.load(std::memory_order_relaxed);
    clock::rep const time = now.time_since_epoch().count();
    clock::time_point const next = later(now, std::chrono::seconds(1));
    bool const ahead = due > next.time_since_epoch().count();  // the last who looked has another clock, a simulated one
    if ((time >= due || ahead) &&
        next_look.compare_exchange_strong(due, next.time_since_epoch().count(), std::memory_order_relaxed)) {
        trim_what_is_idle(this_thread());
    }
    return stacks_lie_idle() ? next : clock::time_point::max();
}

control_block& current_or_die(char const* what, call_site where) {
    control_block* current = this_thread().current;
    if (current == nullptr) {
        die(where, std::string(what) + "() called outside a coroutine");
    }
    return *current;
}

namespace {

// Of each thread. Under memcheck new_block() makes each, and says that what lay below the last stack pointer is used again.
std::atomic<std::uint64_t> most_spares{under_memcheck() ? 0U : 64U};

/// Set when exit() comes to what was there before the first coroutine; main() has ended then, or never will.
constinit std::atomic<bool> program_ends{false};

void notice_end_of_program() noexcept {
    static constinit std::atomic<std::uint32_t> asked{0};  // an exchange of a bool needs libatomic on riscv64
    if (asked.load(std::memory_order_relaxed) == 0 && asked.exchange(1) == 0) {
        std::atexit([] { program_ends.store(true); });
    }
}

static_assert(sizeof(control_block) <= readable_bytes);

[[gnu::noinline]] control_block& new_block(std::size_t stack_size) {
    notice_end_of_program();
    stack memory = allocate_stack(context::companion::memory_for(stack_size));
    char* spot = memory.top - sizeof(control_block);
    tell_valgrind_of_use(memory.low, spot);
    auto* co = ::new (reinterpret_cast<void*>(spot)) control_block;
    co->memory = memory;
    try {
        co->companion.map(std::max(stack_size, memory.slot_size));
    } catch (...) {
        release_stack(memory);
        throw;
    }
    return *co;
}

void free_block(control_block& co) noexcept {
    stack memory = co.memory;
    WEFT_ASSERT(memory.top == reinterpret_cast<char*>(&co + 1), "a control block at the top of its stack", memory.top);
    co.companion.unmap();
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
        thread.spares = UINT64_MAX;  // what else is released at the end of the thread is freed
    }
};

void keep_until_thread_ends() {
    keep_cache_until_thread_ends();  // it takes what the spares give back, so it has to outlive them
    thread_local spares_keeper keeper;
    (void)keeper;
}

}  // namespace

namespace {

/// Jumped to, so that create() has nothing to keep across a call.
[[gnu::noinline]] control_block& create_with_new_ids(std::size_t stack_size, std::string_view name, call_site where) {
    begin_id_block(this_thread());
    return create(stack_size, name, where);
}

}  // namespace

control_block& create(std::size_t stack_size, std::string_view name, call_site where) {
    thread_state& thread = this_thread();
    if (thread.next_id % id_block == 0) [[unlikely]] {
        return create_with_new_ids(stack_size, name, where);
    }
    control_block* co = thread.spare;
    if (co != nullptr && stack_size == default_stack_size) [[likely]] {
        thread.spare = co->next;
        --thread.spares;
    } else {
        co = &new_block(stack_size);
    }
    co->id = thread.next_id++;
    co->created_at = where;
    copy_name(*co, name);
    co->sanitizer.create(co->memory.low, co->memory.top);
    co->transition(state::done, state::suspended);
    std::atomic_ref(co->mark).store(alive_mark, std::memory_order_release);
    WEFT_TRACE3(create, co, co->id, &co->name[0]);
    return *co;
}

void keep_more_spares(std::int64_t more) noexcept {
    if (!under_memcheck()) {
        most_spares.fetch_add(static_cast<std::uint64_t>(more), std::memory_order_relaxed);
    }
}

void release(control_block& co) noexcept {
    co.sanitizer.destroy(reinterpret_cast<char*>(&co));
    co.companion.end(co.saved);
    std::atomic_ref(co.mark).store(0, std::memory_order_relaxed);
    thread_state& thread = this_thread();
    if (thread.spares >= most_spares.load(std::memory_order_relaxed) || co.frames().slot_size != default_stack_size)
        [[unlikely]] {
        free_block(co);
        return;
    }
    if (thread.spares == 0) [[unlikely]] {
        keep_until_thread_ends();
    }
    // What its life may have changed and the next one takes for granted.
    co.saved.stack_pointer = nullptr;
    co.parked_stack_pointer = nullptr;
    co.suspended_at = {};
    co.scheduled = false;
    co.stop.reason = stop_reason::none;
    co.stop.cancelled = false;
    co.at_end = nullptr;
    co.failure = nullptr;
    co.next = thread.spare;
    thread.spare = &co;
    ++thread.spares;
}

namespace {

/// With the FPU control words of `co`, which is ready to be entered. All is done on the enterer's side, so that leaving
/// costs nothing; and it says that the coroutine is to be set aside, so that the next enter comes here too.
[[gnu::noinline]] std::uintptr_t resume_with_fpu_control(control_block& co, std::uintptr_t word, call_site where) {
    context::fpu_control mine;
    mine.save();
    co.fpu_control.put_back();
    std::uintptr_t result = resume_slowly(co, word, where);
    co.fpu_control.save();
    mine.put_back();
    co.keeps_fpu_control = co.slow_to_enter = result != finished;  // the next one on this stack may not
    return result == yielded ? parking : result;
}

}  // namespace

void keep_fpu_control(control_block& co) {
    co.keeps_fpu_control = true;
    co.slow_to_enter = true;
    co.fpu_control.save();
    co.parked_stack_pointer = std::exchange(co.saved.stack_pointer, nullptr);
}

std::uintptr_t resume_slowly(control_block& co, std::uintptr_t word, call_site where) {
    if (co.current_state() != state::suspended) {
        die_of_enter(co, where);
    }
    thread_state& thread = this_thread();
    learn_exception_globals(thread);
    co.entered_at = where;
    if (co.saved.stack_pointer == nullptr) {
        co.saved.stack_pointer = std::exchange(co.parked_stack_pointer, nullptr);
        co.slow_to_enter = false;
        if (co.keeps_fpu_control) [[unlikely]] {
            return resume_with_fpu_control(co, word, where);
        }
    }
    exception_globals mine = std::exchange(*thread.exceptions, std::exchange(co.exceptions, {}));
    control_block* from = thread.current;
    if (from != nullptr) {
        put_enterer_aside(*from, thread);
    }
    std::uintptr_t result = resume(co, thread, word, from);
    *this_thread().exceptions = mine;
    return result;
}

std::uintptr_t leave_slowly(control_block& self, std::uintptr_t word, call_site where) {
    WEFT_ASSERT(this_thread().current == &self, "the coroutine that leaves to be the one that runs here", &self);
    self.exceptions = std::exchange(*this_thread().exceptions, {});
    self.slow_to_enter = true;
    return leave_quickly(self, this_thread(), word == yielded ? parking : word, where);
}

void forget_use(control_block& co) {
    if (!co.companion.renew()) {
        weft::forget_use(co.memory, reinterpret_cast<char*>(&co));
    }
}

void throw_unwinding() {
    throw unwinding();
}

bool after_leave(control_block& co, std::uintptr_t word) {
    if (word == finished) {
        co.saved.stack_pointer = nullptr;
        return true;
    }
    co.parked_stack_pointer = std::exchange(co.saved.stack_pointer, nullptr);
    if (word != parking) {
        auto& action = *reinterpret_cast<park_action*>(word);
        action.run(action, co);
    }
    return false;
}

namespace {

/// How often unwinding that a catch (...) swallowed is thrown again, at the next suspension. iostreams swallow it once for
/// each stream that is in use; a loop that swallows it for ever has to end.
constexpr int most_swallowed = 1'000;

std::atomic<std::terminate_handler> others_terminate{nullptr};

/// An unwinding under way; it lies with whoever destroys the coroutine.
struct unwinding_of {
    control_block const* co;
    bool again;                       ///< It was swallowed once, and who does it from now on is remembered.
    std::uintptr_t swallowed_at = 0;  ///< Where in that function.
};

/// What this thread unwinds.
constinit thread_local unwinding_of* unwound = nullptr;

/// Where the handler stands that has just come to its end, and destroys the exception. Between it and the destructor are
/// functions of the C++ runtime: one that cleans up, and those of the two below that do not end with a jump.
[[gnu::noinline]] std::uintptr_t handler_that_ends() noexcept {
    struct walk {
        int frames;
        std::uintptr_t found;
    } so_far{0, 0};
    _Unwind_Backtrace(
        [](_Unwind_Context* at, void* w) -> _Unwind_Reason_Code {
            auto& walk = *static_cast<struct walk*>(w);
            auto function = _Unwind_GetRegionStart(at);
            bool runtime = function == reinterpret_cast<std::uintptr_t>(&abi::__cxa_end_catch) ||
                           function == reinterpret_cast<std::uintptr_t>(&_Unwind_DeleteException);
            if (++walk.frames <= 3 || runtime) {  // this function, the destructor, what cleans up
                return _URC_NO_REASON;
            }
            walk.found = _Unwind_GetIP(at);
            return _URC_END_OF_STACK;
        },
        &so_far);
    return so_far.found;
}

/// Whether it is weft::unwinding that is in flight. Compilers that call std::terminate() from the function itself, as gcc
/// does with ThreadSanitizer, have not begun to handle it, so that it is there but can't be looked at.
bool unwinding_is_in_flight() {
    std::exception_ptr thrown = present_exception();
    if (thrown == nullptr) {
        return std::uncaught_exceptions() > 0;
    }
    try {
        std::rethrow_exception(thrown);
    } catch (unwinding const&) {
        return true;
    } catch (...) {
        return false;
    }
}

/// The unwinding met a function that lets no exception out: a destructor, say, that suspends.
[[noreturn]] void terminate_of_unwinding() {
    control_block* self = this_thread().current;
    if (self != nullptr && unwound != nullptr && self == unwound->co && unwinding_is_in_flight()) {
        die_of_suspending_where_nothing_may_be_thrown(*self);
    }
    if (std::terminate_handler others = others_terminate.load(); others != nullptr) {
        others();
    }
    std::abort();
}

void unwind_suspended(control_block& co, call_site where) {
    if (std::get_terminate() != terminate_of_unwinding) {
        others_terminate.store(std::set_terminate(terminate_of_unwinding));
    }
    unwinding_of mine{.co = &co, .again = false};
    unwinding_of* outer = std::exchange(unwound, &mine);  // a destructor may destroy another coroutine
    std::uintptr_t result = resume_slowly(co, unwind, where);
    for (int swallowed = 0; result != finished; ++swallowed) {
        bool yields = result == yielded || result == parking;
        if (!yields || swallowed == most_swallowed) {
            die_of_suspending_while_unwound(co, mine.swallowed_at);
        }
        if (result == parking) {
            after_leave(co, result);
        }
        mine.again = true;
        result = resume_slowly(co, unwind, where);
    }
    unwound = outer;
    if (co.failure) {
        die_of_throwing_while_unwound(co);
    }
}

}  // namespace

void destroy(control_block& co, call_site where) noexcept {
    switch (co.current_state()) {
        case state::done:
            break;
        case state::suspended:
            unwind_suspended(co, where);
            break;
        default:
            die_of_destroy(co);
    }
    release(co);
}

void woken_twice(control_block const& co, call_site where) {
    die(where, describe(co) + " woken twice: a handle wakes once");
}

}  // namespace detail

unwinding::~unwinding() {
    if (detail::unwound != nullptr && detail::unwound->again) {
        detail::unwound->swallowed_at = detail::handler_that_ends();
    }
}

void handle::woken_empty(call_site before, call_site where) {
    std::string message = "wake() called on a handle that ";
    message += before.line() != 0 ? "has woken its coroutine already, at " + detail::text(before)
                                  : "has no coroutine: it never had one, or was moved from";
    detail::die(where, message);
}

void handle::dropped(detail::control_block const& waiting) noexcept {
    // What throws is told of by whoever catches it; and at its end a program may leave what it likes.
    if (!waiting.being_taken_back && std::uncaught_exceptions() == 0 &&
        !detail::program_ends.load(std::memory_order_relaxed)) {
        detail::die_of_dropped_handle(waiting);
    }
}

void coroutine::entered_empty(call_site where) {
    detail::die(where, "enter() called on an empty weft::coroutine (moved from, or default-constructed)");
}

void coroutine::after_leave(detail::control_block& block, std::uintptr_t result) {
    if (detail::after_leave(block, result) && block.failure) {
        std::rethrow_exception(std::exchange(block.failure, nullptr));
    }
}

void coroutine_view::set_name(std::string_view name) {
    detail::copy_name(*block_, name);
}

std::uint64_t coroutine_count() noexcept {
    std::uint64_t count = 0;
    detail::for_each_block([&](detail::control_block const&) { ++count; });
    return count;
}

}  // namespace weft
