// Floor: task

#include <weft/detail/base/assert.hpp>
#include <weft/dump.hpp>
#include <weft/shield.hpp>
#include <weft/task.hpp>

#include <algorithm>
#include <exception>
#include <string>

#include "coroutine/misuse.hpp"
#include "loop/loop_access.hpp"
#include "loop/uncaught.hpp"
#include "task/misuse.hpp"
#include "task/move_to.hpp"

namespace weft {
namespace detail {

void tasks_of_loop::look_whether_none_left() noexcept {
    if (none_left != nullptr) {
        *none_left = unscoped.empty() && !loop_access::has_guests(loop::current());
    }
}

namespace {

void free_task(task_state& t) noexcept {
    control_block& co = *t.block;
    if (t.destroy_result != nullptr) {
        t.destroy_result(t);
    }
    forget_travels(t);
    std::destroy_at(&t);
    destroy(co, {});
}

void tell_joiner(task_state& t) noexcept {
    if (t.waiting != nullptr) {
        t.waiting->task_ended(*t.waiting);
    }
}

[[noreturn]] void die_of_failure(char const* whose, task_state const& t) noexcept {
    die_of_uncaught({}, whose + describe(*t.block) + " ended with", t.failure);
}

/// When it is interrupted, the task runs on; its joiner does not wait for it any more. It stays the one who joins until it
/// goes on, so that nobody else takes the task away before.
struct join_wait : loop_wait, joiner {
    join_wait(task_state& task, call_site at)
        : loop_wait([](interruptible_wait& w) noexcept { static_cast<join_wait&>(w).end_once(); }),
          joiner{[](joiner& j) noexcept { static_cast<join_wait&>(j).end_once(); }, at},
          t(task) {
        t.waiting = this;
    }
    join_wait(join_wait const&) = delete;
    join_wait& operator=(join_wait const&) = delete;
    ~join_wait() { t.waiting = nullptr; }

    /// The task may end after an interruption, before its joiner goes on.
    void end_once() noexcept {
        if (!std::exchange(ended, true)) {
            end();
        }
    }

    task_state& t;
    bool ended = false;
};

}  // namespace

void at_end_of_task(control_block& co) {
    auto& t = *static_cast<task_state*>(co.maker_data);
    if (t.home == this_thread().home) {
        finish(t);
    } else {
        finish_at_home(t);
    }
}

void finish(task_state& t) {
    WEFT_ASSERT(!t.ended, "a task to end once", t.block);
    WEFT_ASSERT(t.home->tasks > 0, "a task that ends to be among those of its loop", t.block);
    t.ended = true;
    --t.home->tasks;
    if (t.owner != nullptr) {
        t.owner->ended(t);
        free_task(t);
        return;
    }
    tasks_of_loop& tasks = tasks_of_this_thread();
    tasks.unscoped.remove(t);
    tasks.look_whether_none_left();
    if (t.owned) {
        tell_joiner(t);
        return;
    }
    if (has_failed(t)) {
        die_of_failure("detached task: ", t);
    }
    free_task(t);
}

void start(task_state& t, scope* owner) {
    t.owner = owner;
    t.block->at_end = &at_end_of_task;
    loop& here = loop::current();
    loop_access::before_end(here, &die_of_tasks_left);
    loop_access::schedule(here, *t.block);
    t.home = t.block->home;
    ++t.home->tasks;
    tasks_of_loop& tasks = tasks_of_this_thread();
    ++tasks.arrivals;
    if (owner != nullptr) {
        owner->add(t);
    } else {
        tasks.unscoped.add(t);
        if (tasks.none_left != nullptr) {  // run() ends: what is started now ends with the rest
            t.block->stop.cancel();
        }
    }
}

void cancel(task_state& t) noexcept {
    check_thread(t, "cancelled", {});
    if (t.ended) {
        return;
    }
    if (t.travels == nullptr || !cancel_elsewhere(t)) {
        t.block->stop.cancel();
    }
}

void set_joiner(task_state& t, joiner& j) {
    check_joinable(t, "waited for", j.where);
    t.waiting = &j;
}

void wait_for_end(task_state& t, call_site where) {
    check_thread(t, "joined", where);
    check_joinable(t, "joined", where);
    if (t.ended) {
        return;
    }
    if (stop_of_caller().asked()) {
        throw_stopped("join");
    }
    join_wait wait(t, where);
    wait.wait("a task's end", t.block, where);
    if (!t.ended) {
        throw_stopped("join");
    }
}

void cancel_and_join(task_state& t) noexcept {
    if (loop_ended_with_process()) {
        return;
    }
    cancel(t);
    shield guard;
    wait_for_end(t, call_site{"~task", 0});
    if (t.failure && !is_cancellation(t.failure) && std::uncaught_exceptions() == 0) {
        die_of_failure("task that was destroyed without a join(): ", t);
    }
    let_go(t);
}

void detach(task_state& t, call_site where) noexcept {
    check_thread(t, "detached", where);
    check_not_joined(t, "detached", where);
    if (t.ended && has_failed(t)) {
        die_of_failure("detached task: ", t);
    }
    let_go(t);
}

void let_go(task_state& t) noexcept {
    t.owned = false;
    if (t.ended) {
        free_task(t);
    }
}

void die_if_in_coroutine(char const* what, call_site where) {
    if (in_coroutine()) {
        die(where, std::string(what) + " called inside a coroutine: it would block the loop that runs it");
    }
}

void cancel_and_join_all_tasks() {
    tasks_of_loop& tasks = tasks_of_this_thread();
    bool none_left = false;
    tasks.none_left = &none_left;
    tasks.look_whether_none_left();
    for (auto* t = tasks.unscoped.first(); t != nullptr; t = t->next) {
        cancel(*t);
    }
    cancel_guests(tasks);
    loop::current().run_until(none_left);
    tasks.none_left = nullptr;
}

running::running(time_span report_parked_after, call_site where) {
    loop& here = loop::current();  // a loop that can't be made throws here, and not from the destructor
    if (here.runs()) {
        die(where,
            "weft::run() called by what the thread's loop runs, a posted call or a timer: its end would cancel "
            "all tasks of the loop; use weft::spawn()");
    }
    if (!report_parked_after.is_for_ever()) {
        here.when_idle(&report_parked, report_parked_after);
    }
}

running::~running() {
    cancel_and_join_all_tasks();
    loop::current().when_idle(nullptr, {});
}

}  // namespace detail

/// Somebody who joins; on the stack of whoever does. All stay in the scope's list until they go on: the first that does so
/// settles it for the others too, as from then on the scope may be used anew.
struct scope::joining {
    joining(scope& s, call_site at) : whose(s), where(at) {
        joining** end = &s.joining_;
        while (*end != nullptr) {
            end = &(*end)->next;
        }
        *end = this;
    }
    joining(joining const&) = delete;
    joining& operator=(joining const&) = delete;
    ~joining() {
        joining** link = &whose.joining_;
        while (*link != this) {
            link = &(*link)->next;
        }
        *link = next;
    }

    scope& whose;
    joining* next = nullptr;
    call_site where;
    detail::loop_wait* wait = nullptr;  ///< While it waits.
    bool settled = false;
    std::exception_ptr failure;
};

scope::~scope() {
    if (detail::loop_ended_with_process()) {
        return;
    }
    if (joining_ != nullptr) {
        detail::die(joining_->where, "a weft::scope was destroyed while it is joined here");
    }
    if (size_ > 0) {
        cancel();
        shield guard;
        joining me(*this, call_site("~scope", 0));
        wait_for_all(me);
    }
    if (failure_ && !told_ && !detail::is_cancellation(failure_) && std::uncaught_exceptions() == 0) {
        detail::die_of_uncaught({}, "a weft::scope was destroyed without a join(), and " + failed_ + " ended with",
                                failure_);
    }
}

void scope::throw_if_failed() {
    if (failure_) [[unlikely]] {
        told_ = told_ || detail::calling_task_of(*this) == nullptr;
        std::rethrow_exception(failure_);
    }
}

std::stop_token scope::get_stop_token() {
    if (!stop_.stop_possible()) {
        stop_ = std::stop_source();
        if (cancelled_) {
            stop_.request_stop();
        }
    }
    return stop_.get_token();
}

void scope::add(detail::task_state& t) noexcept {
    if (!tasks_.empty()) {
        detail::check_thread(*tasks_.first(), "joined by another task of its scope that was started", {});
    }
    tasks_.add(t);
    ++size_;
    if (cancelled_) {
        t.block->stop.cancel();
    }
}

void scope::ended(detail::task_state& t) noexcept {
    tasks_.remove(t);
    --size_;
    if (detail::has_failed(t)) {
        keep_failure(t);
    }
    for (joining* j = size_ == 0 ? joining_ : nullptr; j != nullptr; j = j->next) {
        if (j->wait != nullptr) {
            std::exchange(j->wait, nullptr)->end();
        }
    }
}

void scope::keep_failure(detail::task_state const& t) noexcept {
    if (t.failure == failure_ || std::ranges::find(failures_, t.failure) != failures_.end()) {
        told_ = false;
        return;  // spawn() had thrown it, and whoever was told hands it back
    }
    bool throw_it = !failure_ || (detail::is_cancellation(failure_) && !detail::is_cancellation(t.failure));
    if (throw_it) {
        failure_ = t.failure;
        told_ = false;
        failed_.clear();
        cancel();
    }
    try {
        failures_.push_back(t.failure);
        if (throw_it) {
            failed_ = detail::describe(*t.block);
        }
    } catch (std::bad_alloc const&) {  // then there is only the one that is thrown
    }
}

void scope::cancel() noexcept {
    cancelled_ = true;
    for (auto* t = tasks_.first(); t != nullptr; t = t->next) {
        detail::cancel(*t);
    }
    stop_.request_stop();
}

void scope::wait_for_all(joining& me) {
    struct scope_wait : detail::loop_wait {
        explicit scope_wait(scope* s)
            : loop_wait([](detail::interruptible_wait& w) noexcept {
                  static_cast<scope_wait&>(w).waited_for->cancel();  // their end ends the wait
              }),
              waited_for(s) {}
        scope* waited_for;
    };
    while (size_ > 0 && !me.settled) {
        detail::check_thread(*tasks_.first(), "joined", me.where);
        scope_wait wait(this);
        me.wait = &wait;
        wait.wait("a scope's tasks", this, me.where);
    }
}

void scope::settle(joining& me) noexcept {
    cancelled_ = false;
    told_ = false;
    stop_ = std::stop_source(std::nostopstate);
    failures_of_last_join_ = std::exchange(failures_, {});
    me.failure = std::exchange(failure_, nullptr);
    for (joining* j = joining_; j != nullptr; j = j->next) {
        j->settled = true;
        j->failure = me.failure;
    }
}

void scope::join(call_site where) {
    if (detail::control_block const* mine = detail::calling_task_of(*this)) {
        detail::die(where, "a weft::scope was joined by a task of its own, which would wait for itself: " +
                               detail::describe(*mine));
    }
    detail::stop_state const& mine = detail::stop_of_caller();
    joining me(*this, where);
    if (mine.asked()) {
        cancel();
    }
    wait_for_all(me);
    if (!me.settled) {
        settle(me);
    }
    if (me.failure) {
        std::rethrow_exception(me.failure);
    }
    if (mine.asked()) {
        detail::throw_stopped("join");
    }
}

}  // namespace weft
