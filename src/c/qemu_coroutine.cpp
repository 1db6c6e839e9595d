// Floor: c

#include "c/qemu.hpp"

#include <string>
#include <weft/detail/coroutine/switch.hpp>

#include "coroutine/misuse.hpp"
#include "loop/loop_access.hpp"

namespace weft::c {
namespace {

using woken_list = detail::intrusive_queue<control_block>;

/// What the coroutine that runs on this thread has woken. An enter does not change threads, so whoever enters may keep the
/// address meanwhile; a coroutine that leaves may not.
[[gnu::tls_model("initial-exec")]] constinit thread_local woken_list woken;

/// Posted with the first wake-up: runs what nobody has run before, because the loop itself had entered the waker.
struct leftovers : detail::posted {
    bool is_posted = false;
};
constinit thread_local leftovers own_leftovers{};

woken_list take_woken() noexcept {
    return std::move(woken);
}

void free_ended(control_block& co) noexcept {
    detail::release(co);
}

/// As far before the control block as make_coroutine() puts it, which is what control_block::maker_data says too.
qemu_coroutine& maker_data_of(control_block& co) {
    static_assert(sizeof(qemu_coroutine) % alignof(qemu_coroutine) == 0 &&
                  alignof(qemu_coroutine) <= alignof(control_block));
    return *std::launder(reinterpret_cast<qemu_coroutine*>(reinterpret_cast<char*>(&co) - sizeof(qemu_coroutine)));
}

Coroutine* leader_of(detail::thread_state& thread) {
    return reinterpret_cast<Coroutine*>(reinterpret_cast<std::uintptr_t>(&thread) | 1);
}
bool is_leader(Coroutine* co) {
    return (reinterpret_cast<std::uintptr_t>(co) & 1) != 0;
}

struct qemu_body {
    WEFT_COROUTINE_FN void operator()() noexcept {
        qemu_coroutine& self = maker_data_of(*detail::this_thread().current);
        self.started = true;
        call(self.entry, self.argument);
        end(*detail::this_thread().current);
    }
    static void end(control_block& self) noexcept {
        if (maker_data_of(self).locks_held != 0) [[unlikely]] {
            detail::die({}, detail::describe(self) + " ends with " + std::to_string(maker_data_of(self).locks_held) +
                                " locks held (CoMutex, CoRwlock)");
        }
        check_limits_ended();
    }
};

[[noreturn]] void die_of_enter(Coroutine* handle, call_site where) noexcept {
    if (handle == nullptr || is_leader(handle)) {
        detail::die(
            where, handle == nullptr ? "NULL entered as a coroutine" : "a thread's leader entered: it is no coroutine");
    }
    control_block const& co = *reinterpret_cast<control_block*>(handle);
    if (co.at_end != &free_ended) {
        detail::die(where, detail::describe(co) + " was not made by qemu_coroutine_create(), or it has ended");
    }
    if (char const* function = maker_data_of(const_cast<control_block&>(co)).scheduled.load()) {
        detail::die(where, detail::describe(co) + " entered while it was already scheduled in '" + function + "'");
    }
    if (co.current_state() == detail::state::running) {
        detail::fixed_text entered_at;
        detail::add_call_site(co.entered_at, entered_at);
        detail::die(where, detail::describe(co) + " re-entered recursively: it has a caller, that entered it at " +
                               std::string(entered_at.view()));
    }
    detail::die_of_enter(co, where);
}

/// After `co` has left. Whoever entered it frees it, if it has ended.
void see_to_the_end(control_block& co, std::uintptr_t result) noexcept {
    if (result != detail::yielded && detail::after_leave(co, result)) {
        detail::release(co);
    }
}

void check_fit_to_enter(control_block& co, call_site where) noexcept {
    if (co.at_end != &free_ended || maker_data_of(co).scheduled.load(std::memory_order_relaxed) != nullptr ||
        co.current_state() != detail::state::suspended) [[unlikely]] {
        die_of_enter(reinterpret_cast<Coroutine*>(&co), where);
    }
}

void enter_one(control_block& co, call_site where) noexcept {
    check_fit_to_enter(co, where);
    co.home = &detail::loop_access::as_executor(own_loop());
    see_to_the_end(co, detail::enter(co, where));
}

/// Enters those that were woken, and those that they wake, depth first.
void run_woken() noexcept {
    woken_list pending = take_woken();
    while (!pending.empty()) {
        control_block& co = pending.pop();
        maker_data_of(co).scheduled.store(nullptr, std::memory_order_relaxed);
        enter_one(co, call_site("aio_co_wake", 0));
        pending.prepend(take_woken());
    }
}

void run_leftovers(detail::posted* p) {
    static_cast<leftovers*>(p)->is_posted = false;
    if (!p->drop) {
        run_woken();
    }
}

// Functions of their own, that are jumped to. So the fast path calls nothing, and has the less to save. See
// context::return_by_jump(), which has to be the last thing that it does.

/// All that an enter may need.
[[gnu::noinline]] void enter_slowly(Coroutine* handle, call_site where) noexcept {
    if (handle == nullptr || is_leader(handle)) {
        die_of_enter(handle, where);
    }
    woken_list of_the_caller = take_woken();
    enter_one(*reinterpret_cast<control_block*>(handle), where);
    run_woken();
    woken = std::move(of_the_caller);
}

/// After an enter that came back with anything but a yield, or where somebody was woken.
[[gnu::noinline]] void after_enter(control_block& co, std::uintptr_t result) noexcept {
    see_to_the_end(co, result);
    if (!woken.empty()) {
        run_woken();
    }
    context::return_by_jump();
}

[[gnu::always_inline]] inline void end_of_enter(control_block& co, std::uintptr_t result) noexcept {
    if (result != detail::yielded || !woken.empty()) [[unlikely]] {
        after_enter(co, result);
        return;
    }
    (void)context::return_by_jump(true);  // not the jump that yields take
}

[[gnu::noinline]] void enter_nested(control_block& co, detail::thread_state& thread) noexcept {
    detail::put_enterer_aside(*thread.current, thread);
    end_of_enter(co, detail::resume(co, thread, detail::go_on, thread.current));
}

/// What a coroutine woke before it enters another waits until it leaves: so then the list is put aside. Outside coroutines
/// what is in the list has been left over, and is run with the rest.
[[gnu::always_inline]] inline void enter(Coroutine* handle, call_site where) noexcept {
    if (handle == nullptr || is_leader(handle)) [[unlikely]] {
        enter_slowly(handle, where);
        return;
    }
    auto& co = *reinterpret_cast<control_block*>(handle);
    detail::thread_state& thread = detail::this_thread();
    if (co.saved.stack_pointer == nullptr || co.at_end != &free_ended ||
        maker_data_of(co).scheduled.load(std::memory_order_relaxed) != nullptr || thread.exceptions->any() ||
        thread.home == nullptr || (thread.current != nullptr && !woken.empty())) [[unlikely]] {
        enter_slowly(handle, where);
        return;
    }
    co.home = thread.home;
    co.entered_at = where;
    if (thread.current != nullptr) {
        enter_nested(co, thread);
        return;
    }
    end_of_enter(co, detail::resume(co, thread, detail::go_on, nullptr));
}

[[gnu::noinline]] WEFT_COROUTINE_FN void yield_slowly(call_site where) noexcept {
    if (detail::this_thread().current == nullptr) {
        detail::die(where,
                    "a thread's leader is yielding to no one: qemu_coroutine_yield() called outside a coroutine");
    }
    control_block& self = *self_or_die("qemu_coroutine_yield").block;
    if (detail::leave_for_order(self, detail::this_thread(), detail::yielded, where) != detail::go_on) {
        die_of_unwinding();
    }
}

[[gnu::noinline]] void unwound() noexcept {
    die_of_unwinding();
}

/// Called by a loop that the coroutine was posted to.
void run_posted(detail::posted* p) {
    if (p->drop) {
        return;
    }
    auto& q = *static_cast<qemu_coroutine*>(p);
    if (executor* target = std::exchange(q.target, nullptr)) {
        post(*target, q);
        return;
    }
    q.scheduled.store(nullptr, std::memory_order_relaxed);
    enter(handle_of(q), call_site("aio_co_schedule", 0));
}

}  // namespace

qemu_coroutine& of(Coroutine* co, char const* function) {
    if (co == nullptr || is_leader(co) || reinterpret_cast<control_block*>(co)->at_end != &free_ended) [[unlikely]] {
        detail::die(call_site(function, 0), "what was given for a coroutine is none that qemu_coroutine_create() made");
    }
    return maker_data_of(*reinterpret_cast<control_block*>(co));
}

qemu_coroutine& self_or_die(char const* function) {
    control_block* self = detail::this_thread().current;
    if (self == nullptr || self->at_end != &free_ended) [[unlikely]] {
        detail::die({}, std::string(function) + "() called " +
                            (self == nullptr ? "outside a coroutine"
                                             : "in " + detail::describe(*self) +
                                                   ", which was not made by qemu_coroutine_create()"));
    }
    return maker_data_of(*self);
}

void set_scheduled(qemu_coroutine& q, char const* function) noexcept {
    char const* nobody = nullptr;
    if (!q.scheduled.compare_exchange_strong(nobody, function)) [[unlikely]] {
        detail::die({}, std::string(function) + "() of " + detail::describe(*q.block) +
                            ", which was already scheduled in '" + nobody + "'");
    }
}

void post(executor& to, qemu_coroutine& q) noexcept {
    to.push(q);
}

void wake(qemu_coroutine& q) noexcept {
    aio_co_wake(handle_of(q));
}

void grant(qemu_waiter* list) noexcept {
    while (list != nullptr) {
        qemu_waiter& w = *std::exchange(list, list->next);
        qemu_coroutine& who = *w.who;
        w.granted.store(true, std::memory_order_release);  // it may be gone from here on, if it is entered by mistake
        wake(who);
    }
}

loop& own_loop() noexcept {
    try {
        return loop::current();
    } catch (std::exception const& e) {
        detail::die({}, std::string("a thread can't have an AioContext: ") + e.what());
    }
}

void require(bool holds, char const* function, char const* what) noexcept {
    if (!holds) [[unlikely]] {
        detail::die({}, std::string(function) + "(): " + what);
    }
}

namespace {

/// All but the context, which it may leave to the caller.
void enter_on(executor* ctx, Coroutine* co, char const* function) noexcept {
    qemu_coroutine& q = of(co, function);
    detail::thread_state& thread = detail::this_thread();
    if (ctx != thread.home) {
        set_scheduled(q, "aio_co_schedule");
        post(*ctx, q);
    } else if (thread.current == nullptr) {
        enter(co, call_site(function, 0));
    } else {
        require(q.block != thread.current, function, "a coroutine that runs wakes itself");
        set_scheduled(q, function);
        woken.push(*q.block);
        if (!own_leftovers.is_posted) {
            own_leftovers.is_posted = true;
            own_leftovers.run = &run_leftovers;
            thread.home->push(own_leftovers);
        }
    }
}

executor* executor_of(AioContext* ctx) {
    return reinterpret_cast<executor*>(ctx);
}

}  // namespace

void yield(char const* function) noexcept {
    weft_qemu_yield_at(std::bit_cast<weft_call_site>(call_site(function, 0)));
}

}  // namespace weft::c

using namespace weft;
using namespace weft::c;

extern "C" {

Coroutine* weft_qemu_create_at(CoroutineEntry* entry, void* opaque, std::uint64_t where) {
    try {
        control_block& co = detail::make_coroutine({}, qemu_body{}, call_site_of(where), sizeof(qemu_coroutine),
                                                   alignof(qemu_coroutine));
        auto* q = ::new (co.maker_data) qemu_coroutine;
        q->run = &run_posted;
        q->block = &co;
        q->entry = entry;
        q->argument = opaque;
        co.at_end = &free_ended;
        return handle_of(*q);
    } catch (std::exception const& e) {
        detail::die(call_site_of(where), std::string("qemu_coroutine_create(): ") + e.what());
    }
}

void weft_qemu_enter_at(Coroutine* co, std::uint64_t where) {
    enter(co, call_site_of(where));
}

void weft_qemu_enter_2011_at(Coroutine* co, void* opaque, std::uint64_t where) {
    qemu_coroutine& q = of(co, "qemu_coroutine_enter");
    if (!q.started) {
        q.argument = opaque;
    }
    enter(co, call_site_of(where));
}

void weft_qemu_yield_at(std::uint64_t where) {
    detail::thread_state& thread = detail::this_thread();
    control_block* self = thread.current;
    if (self == nullptr || self->at_end != &free_ended || thread.exceptions->any()) [[unlikely]] {
        yield_slowly(call_site_of(where));
        return;
    }
    if (detail::leave_quickly(*self, thread, detail::yielded, call_site_of(where)) != detail::go_on) [[unlikely]] {
        unwound();
        return;
    }
    context::return_by_jump();
}

Coroutine* qemu_coroutine_create(CoroutineEntry* entry, void* opaque) {
    return weft_qemu_create_at(entry, opaque, 0);
}

void qemu_coroutine_enter(Coroutine* co) {
    weft_qemu_enter_at(co, 0);
}

void qemu_coroutine_yield() {
    weft_qemu_yield_at(0);
}

void qemu_coroutine_enter_if_inactive(Coroutine* co) {
    if (!qemu_coroutine_entered(co)) {
        qemu_coroutine_enter(co);
    }
}

void qemu_aio_coroutine_enter(AioContext* ctx, Coroutine* co) {
    require(executor_of(ctx) == &detail::loop_access::as_executor(own_loop()), "qemu_aio_coroutine_enter",
            "the context is another thread's");
    qemu_coroutine_enter(co);
}

Coroutine* qemu_coroutine_self() {
    detail::thread_state& thread = detail::this_thread();
    return thread.current != nullptr ? reinterpret_cast<Coroutine*>(thread.current) : leader_of(thread);
}

void weft_co_outside(char const* function) {
    (void)self_or_die(function);
}

bool qemu_in_coroutine() {
    return in_coroutine();
}

bool qemu_coroutine_entered(Coroutine* co) {
    return !is_leader(co) && reinterpret_cast<control_block*>(co)->current_state() == detail::state::running;
}

AioContext* qemu_coroutine_get_aio_context(Coroutine* co) {
    return reinterpret_cast<AioContext*>(of(co, "qemu_coroutine_get_aio_context").block->home);
}

void qemu_coroutine_inc_pool_size(unsigned additional) {
    detail::keep_more_spares(additional);
}

void qemu_coroutine_dec_pool_size(unsigned removing) {
    detail::keep_more_spares(-static_cast<std::int64_t>(removing));
}

void aio_co_schedule(AioContext* ctx, Coroutine* co) {
    qemu_coroutine& q = of(co, "aio_co_schedule");
    set_scheduled(q, "aio_co_schedule");
    detail::thread_state& thread = detail::this_thread();
    if (q.block == thread.current && executor_of(ctx) != thread.home) {
        // The other thread must not enter it before it has left this one: this one's loop hands it on.
        q.target = executor_of(ctx);
        post(*thread.home, q);
    } else {
        post(*executor_of(ctx), q);
    }
}

void aio_co_enter(AioContext* ctx, Coroutine* co) {
    enter_on(executor_of(ctx), co, "aio_co_enter");
}

void aio_co_wake(Coroutine* co) {
    executor* home = of(co, "aio_co_wake").block->home;
    require(home != nullptr, "aio_co_wake", "the coroutine has not run on any context yet");
    enter_on(home, co, "aio_co_wake");
}

void aio_co_reschedule_self(AioContext* new_ctx) {
    qemu_coroutine& self = self_or_die("aio_co_reschedule_self");
    if (executor_of(new_ctx) != self.block->home) {
        aio_co_schedule(new_ctx, handle_of(self));
        yield("aio_co_reschedule_self");
    }
}

}  // extern "C"
