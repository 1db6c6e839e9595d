// Floor: c

#include <algorithm>
#include <chrono>
#include <string>
#include <weft/limit.hpp>
#include <weft/offload.hpp>
#include <weft/task.hpp>

#include "c/face.hpp"
#include "coroutine/misuse.hpp"

using namespace weft;
using namespace weft::c;

struct weft_scope {
    scope tasks;
    int failure = 0;  ///< The first negative result since the last join.
};

namespace {

struct body_of_task {
    weft_body* body;
    void* argument;

    int operator()() const noexcept {
        int result = call(body, argument);
        check_limits_ended();
        return result;
    }
};

using task_state = detail::task_result<int>;

task_state& state_of(weft_task* task) {
    return *reinterpret_cast<task_state*>(task);
}

loop& loop_of(weft_loop* handle) {
    return *reinterpret_cast<loop*>(handle);
}

weft_loop* handle_of(loop& l) {
    return reinterpret_cast<weft_loop*>(&l);
}

loop& loop_or_die() noexcept {
    try {
        return loop::current();
    } catch (std::exception const& e) {
        detail::die({}, std::string("a thread can't have a loop: ") + e.what());
    }
}

limited& limited_of(weft_limit* limit) {
    return *std::launder(reinterpret_cast<limited*>(limit->opaque));
}

}  // namespace

extern "C" {

int weft_run_at(weft_body* body, void* argument, weft_call_site where) {
    return or_error([&] { return run(body_of_task{body, argument}, call_site_of(where)); });
}

weft_task* weft_spawn_with_at(weft_options const* options, weft_body* body, void* argument, weft_call_site where) {
    return or_null([&] {
        (void)loop::current();  // before there is something that could be lost if it fails
        auto& made = detail::make_task(options_of(options), body_of_task{body, argument}, nullptr, call_site_of(where));
        return reinterpret_cast<weft_task*>(&made);
    });
}

weft_task* weft_spawn_at(weft_body* body, void* argument, weft_call_site where) {
    return weft_spawn_with_at(nullptr, body, argument, where);
}

int weft_join_at(weft_task* task, int* result, weft_call_site where) {
    return or_error([&] {
        task_state& t = state_of(task);
        detail::wait_for_end(t, call_site_of(where));
        if (result != nullptr) {
            *result = t.slot.get();
        }
        detail::let_go(t);
    });
}

void weft_cancel(weft_task* task) {
    detail::cancel(state_of(task));
}

void weft_detach(weft_task* task) {
    if (task != nullptr) {
        detail::detach(state_of(task));
    }
}

bool weft_task_done(weft_task const* task) {
    return reinterpret_cast<task_state const*>(task)->ended;
}

weft_scope* weft_scope_new() {
    return new (std::nothrow) weft_scope;
}

int weft_scope_spawn_at(weft_scope* scope, weft_body* body, void* argument, weft_call_site where) {
    return or_error([&] {
        (void)loop::current();
        scope->tasks.spawn(
            [scope, body = body_of_task{body, argument}] {
                int result = body();
                bool because_it_was_asked = result == -ECANCELED && detail::stop_of_caller().cancelled;
                if (result < 0 && scope->failure == 0 && !because_it_was_asked) {
                    scope->failure = result;
                    scope->tasks.cancel();
                }
            },
            call_site_of(where));
    });
}

int weft_scope_join_at(weft_scope* scope, weft_call_site where) {
    int ended_early = or_error([&] { scope->tasks.join(call_site_of(where)); });
    int failure = std::exchange(scope->failure, 0);
    return failure != 0 ? failure : ended_early;
}

void weft_scope_cancel(weft_scope* scope) {
    scope->tasks.cancel();
}

std::size_t weft_scope_size(weft_scope const* scope) {
    return scope->tasks.size();
}

void weft_scope_delete(weft_scope* scope) {
    delete scope;
}

void weft_limit_begin_at(weft_limit* limit, std::int64_t timeout, weft_call_site where) {
    static_assert(sizeof(limited) <= sizeof limit->opaque && alignof(limited) <= alignof(weft_limit));
    ::new (static_cast<void*>(limit->opaque)) limited(clock::duration(timeout), call_site_of(where));
}

bool weft_limit_end(weft_limit* limit) {
    bool met = limited_of(limit).met();
    std::destroy_at(&limited_of(limit));
    return met;
}

void weft_shield_begin() {
    ++detail::stop_of_caller().shielded;
}

void weft_shield_end() {
    --detail::stop_of_caller().shielded;
}

bool weft_stop_requested() {
    return detail::stop_of_caller().asked();
}

weft_loop* weft_current_loop() {
    return or_null([] { return handle_of(loop::current()); });
}

int weft_post(weft_loop* loop, void (*f)(void*), void* argument) {
    return or_error([&] { loop_of(loop).post([f, argument] { call(f, argument); }); });
}

int weft_move_to_at(weft_loop* loop, weft_call_site where) {
    return or_error([&] { move_to(loop_of(loop), call_site_of(where)); });
}

void weft_run_once(bool wait) {
    call([wait] { loop_or_die().run_once(wait); });
}

void weft_run_until(bool const* done) {
    call([done] { loop_or_die().run_until(*done); });
}

char const* weft_reactor_name(weft_loop const* loop) {
    return reinterpret_cast<weft::loop const*>(loop)->reactor_name().data();  // a literal
}

std::int64_t weft_now() {
    return weft::detail::time_now().time_since_epoch().count();
}

int weft_sleep_until_at(std::int64_t when, weft_call_site where) {
    return or_error([&] { sleep_until(clock::time_point(clock::duration(when)), call_site_of(where)); });
}

int weft_sleep_at(std::int64_t time, weft_call_site where) {
    return or_error([&] { sleep_for(clock::duration(time), call_site_of(where)); });
}

int weft_offload_at(void (*f)(void*), void* argument, weft_call_site where) {
    return or_error([&] { offload([&] { call(f, argument); }, call_site_of(where)); });
}

}  // extern "C"
