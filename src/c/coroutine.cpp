// Floor: c

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>
#include <weft/coroutine_local.hpp>
#include <weft/limit.hpp>

#include "c/face.hpp"
#include "coroutine/misuse.hpp"

namespace weft::c {
namespace {

struct coroutine_body {
    void (*body)(void*);
    void* argument;

    void operator()() noexcept {
        call(body, argument);
        check_limits_ended();
    }
};

/// What weft_defer() registered: called, the last one first, when the coroutine's variables go.
struct cleanups {
    struct cleanup {
        void (*f)(void*);
        void* argument;
        friend bool operator==(cleanup const&, cleanup const&) = default;
    };
    std::vector<cleanup> all;

    cleanups() = default;
    cleanups(cleanups const&) = delete;
    cleanups& operator=(cleanups const&) = delete;
    ~cleanups() {
        while (!all.empty()) {
            cleanup last = all.back();
            all.pop_back();
            call(last.f, last.argument);
        }
    }
};

cleanups& cleanups_of_caller() {
    static auto& variable = *new coroutine_local<cleanups>;  // never destroyed: coroutines may outlive main()
    return *variable;
}

/// After an enter that came back with anything but a yield.
[[gnu::noinline]] bool after_enter(detail::control_block& co, std::uintptr_t result) noexcept {
    return result == detail::yielded || !detail::after_leave(co, result);
}

/// The end of a function that has entered: see context::return_by_jump(), which has to be the last thing that it does.
[[gnu::always_inline]] inline bool end_of_enter(detail::control_block& co, std::uintptr_t result) noexcept {
    if (result == detail::yielded) [[likely]] {
        return context::return_by_jump(true);
    }
    if (result == detail::finished) {
        (void)detail::ended_well(co);  // what a body in C throws does not come this far
        return context::return_by_jump(false);
    }
    return after_enter(co, result);
}

[[noreturn]] void die_of_null(char const* what, call_site where) noexcept {
    detail::die(where, std::string(what) + "() of a coroutine that is NULL");
}

// Functions of their own, that are jumped to. So the fast paths call nothing, and have the less to save.

[[gnu::noinline]] bool enter_nested(detail::control_block& co, detail::thread_state& thread) noexcept {
    detail::put_enterer_aside(*thread.current, thread);
    return end_of_enter(co, detail::resume(co, thread, detail::go_on, thread.current));
}

[[gnu::noinline]] bool enter_slowly(weft_coroutine* coroutine, call_site where) noexcept {
    if (coroutine == nullptr) {
        die_of_null("weft_enter", where);
    }
    return after_enter(block_of(coroutine), detail::resume_slowly(block_of(coroutine), detail::go_on, where));
}

[[gnu::noinline]] WEFT_COROUTINE_FN void yield_slowly(call_site where) noexcept {
    detail::control_block& self = detail::current_or_die("weft_yield", where);
    if (detail::leave_for_order(self, detail::this_thread(), detail::yielded, where) != detail::go_on) {
        die_of_unwinding();
    }
}

[[gnu::noinline]] void unwound() noexcept {
    die_of_unwinding();
}

/// destroy(), but unwinds nothing.
void destroy_without_unwinding(detail::control_block& co, call_site where) noexcept {
    if (co.at_end != nullptr) {
        detail::die(where, "weft_destroy() of " + detail::describe(co) + ", which belongs to a loop");
    }
    if (co.current_state() != detail::state::suspended) {
        detail::die_of_destroy(co);
    }
    detail::destroy_locals(co);
    limited::detach(co.stop);
    co.stop.limits = nullptr;
    co.stop.listeners = {};
    co.stop.shielded = 0;
    co.exceptions = {};
    co.transition(detail::state::suspended, detail::state::done);
    detail::release(co);
}

}  // namespace
}  // namespace weft::c

using namespace weft;
using namespace weft::c;

extern "C" {

weft_coroutine* weft_create_with_at(weft_options const* options, void (*body)(void*), void* argument,
                                    weft_call_site where) {
    return or_null([&] {
        return handle_of(
            &detail::make_coroutine(options_of(options), coroutine_body{body, argument}, call_site_of(where)));
    });
}

weft_coroutine* weft_create_at(void (*body)(void*), void* argument, weft_call_site where) {
    return weft_create_with_at(nullptr, body, argument, where);
}

bool weft_enter_at(weft_coroutine* coroutine, weft_call_site where) {
    if (coroutine == nullptr) [[unlikely]] {
        return enter_slowly(coroutine, call_site_of(where));
    }
    detail::control_block& co = block_of(coroutine);
    detail::thread_state& thread = detail::this_thread();
    // A task's own loop alone enters it; its stack pointer may be in its place all the same: see to_next().
    if (co.saved.stack_pointer == nullptr || co.scheduled || thread.exceptions->any()) [[unlikely]] {
        return enter_slowly(coroutine, call_site_of(where));
    }
    co.entered_at = call_site_of(where);
    if (thread.current != nullptr) {
        return enter_nested(co, thread);
    }
    return end_of_enter(co, detail::resume(co, thread, detail::go_on, nullptr));
}

void weft_yield_at(weft_call_site where) {
    detail::thread_state& thread = detail::this_thread();
    detail::control_block* self = thread.current;
    if (self == nullptr || thread.exceptions->any()) [[unlikely]] {
        yield_slowly(call_site_of(where));
        return;
    }
    if (detail::leave_quickly(*self, thread, detail::yielded, call_site_of(where)) != detail::go_on) [[unlikely]] {
        unwound();
        return;
    }
    context::return_by_jump();
}

void weft_destroy_at(weft_coroutine* coroutine, weft_call_site where) {
    if (coroutine == nullptr) {
        return;
    }
    if (weft_done(coroutine)) [[likely]] {
        detail::release(block_of(coroutine));
    } else {
        destroy_without_unwinding(block_of(coroutine), call_site_of(where));
    }
}

void weft_suspend_at(void (*parked)(weft_coroutine*, void*), void* argument, weft_call_site where) {
    struct action : detail::park_action {
        void (*parked)(weft_coroutine*, void*);
        void* argument;
    };
    detail::control_block& self = detail::current_or_die("weft_suspend", call_site_of(where));
    action given{{}, parked, argument};
    given.run = [](detail::park_action& a, detail::control_block& co) {
        auto& mine = static_cast<action&>(a);
        call(mine.parked, handle_of(&co), mine.argument);
    };
    (void)or_error([&] { detail::park(self, nullptr, nullptr, call_site_of(where), &given); });
}

void weft_wake_at(weft_coroutine* coroutine, weft_call_site where) {
    if (coroutine == nullptr) [[unlikely]] {
        die_of_null("weft_wake", call_site_of(where));
    }
    detail::control_block& co = block_of(coroutine);
    if (co.status.load(std::memory_order_relaxed) != detail::state::waiting || co.waits_for != nullptr) [[unlikely]] {
        detail::die(call_site_of(where),
                    "weft_wake() of " + detail::describe(co) + ", which does not wait in weft_suspend()");
    }
    detail::wake(co, call_site_of(where));
}

weft_coroutine* weft_self() {
    return handle_of(detail::this_thread().current);
}

bool weft_in_coroutine() {
    return in_coroutine();
}

bool weft_entered(weft_coroutine const* coroutine) {
    return block_of(coroutine).current_state() == detail::state::running;
}

bool weft_done(weft_coroutine const* coroutine) {
    return block_of(coroutine).current_state() == detail::state::done;
}

std::uint64_t weft_id(weft_coroutine const* coroutine) {
    return block_of(coroutine).id;
}

char const* weft_name(weft_coroutine const* coroutine) {
    return block_of(coroutine).name;
}

void weft_set_name(weft_coroutine* coroutine, char const* name) {
    detail::coroutine_access::view_of(block_of(coroutine)).set_name(name == nullptr ? "" : name);
}

std::size_t weft_stack_size(weft_coroutine const* coroutine) {
    return block_of(coroutine).frames().slot_size;
}

std::size_t weft_stack_high_water(weft_coroutine const* coroutine) {
    return used_bytes(block_of(coroutine).frames());
}

int weft_defer(void (*cleanup)(void*), void* argument) {
    return or_error([&] { cleanups_of_caller().all.push_back({cleanup, argument}); });
}

bool weft_undefer(void (*cleanup)(void*), void* argument) {
    cleanups* of_caller = or_null([] { return &cleanups_of_caller(); });
    if (of_caller == nullptr) {
        return false;
    }
    auto& all = of_caller->all;
    auto found = std::find(all.rbegin(), all.rend(), cleanups::cleanup{cleanup, argument});
    if (found == all.rend()) {
        return false;
    }
    all.erase(std::next(found).base());
    return true;
}

std::uint64_t weft_coroutine_count() {
    return coroutine_count();
}

std::size_t weft_spare_stacks() {
    return static_cast<std::size_t>(detail::this_thread().spares);  // each is a stack in this address space
}

}  // extern "C"
