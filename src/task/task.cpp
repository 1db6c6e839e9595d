// Floor 5: task

#include <weft/dump.hpp>
#include <weft/task.hpp>

#include <exception>

#include <string>
#include <system_error>

#include "coroutine/misuse.hpp"
#include "task/move_to.hpp"

namespace weft {
namespace detail {

void task_list::add(task_state& t) noexcept {
    t.previous = nullptr;
    t.next = first;
    if (first != nullptr) {
        first->previous = &t;
    }
    first = &t;
}

void task_list::remove(task_state& t) noexcept {
    (t.previous == nullptr ? first : t.previous->next) = t.next;
    if (t.next != nullptr) {
        t.next->previous = t.previous;
    }
}

void tasks_of_loop::look_whether_none_left() noexcept {
    if (none_left != nullptr) {
        *none_left = unscoped.first == nullptr && !loop::current().has_guests();
    }
}

[[gnu::noinline]] tasks_of_loop& tasks_of_this_thread() {
    thread_local tasks_of_loop tasks;
    asm volatile("");  // else compilers find out that it always returns the same, and keep that across a switch
    return tasks;
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

void wake_joiner(task_state& t) noexcept {
    if (t.waiting != nullptr) {
        joiner& j = *std::exchange(t.waiting, nullptr);
        j.task_ended(j);
    }
}

[[noreturn]] void die_of_failure(task_state const& t) noexcept {
    std::string what = "an exception";
    try {
        std::rethrow_exception(t.failure);
    } catch (std::exception const& e) {
        what = e.what();
    } catch (...) {
    }
    die({}, "detached task: " + describe(*t.block) + " ended with an exception that nobody can catch: " + what);
}

/// When it is interrupted, the task runs on; its joiner does not wait for it any more.
struct join_wait : loop_wait, joiner {
    explicit join_wait(task_state& task)
        : loop_wait([](interruptible_wait& w) noexcept { wake_joiner(*static_cast<join_wait&>(w).t); }),
          joiner{[](joiner& j) noexcept { static_cast<join_wait&>(j).end(); }},
          t(&task) {}
    task_state* t;
};

}  // namespace

void at_end_of_task(control_block& co) {
    auto& t = *static_cast<task_state*>(co.annex);
    if (t.home == this_thread().home) {
        finish(t);
    } else {
        finish_at_home(t);
    }
}

void finish(task_state& t) {
    t.ended = true;
    if (t.owner != nullptr) {
        t.owner->ended(t);
        free_task(t);
        return;
    }
    tasks_of_loop& tasks = tasks_of_this_thread();
    tasks.unscoped.remove(t);
    tasks.look_whether_none_left();
    if (t.owned) {
        wake_joiner(t);
        return;
    }
    if (t.failure && !t.block->stop.cancelled) {
        die_of_failure(t);
    }
    free_task(t);
}

void start(task_state& t, scope* owner) {
    t.owner = owner;
    t.block->at_end = &at_end_of_task;
    loop::current().schedule(*t.block);
    t.home = t.block->home;
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

void wait_for_end(task_state& t, place where) {
    check_thread(t, "joined", where);
    if (t.ended) {
        return;
    }
    if (stop_of_caller().asked()) {
        throw_stopped("join");
    }
    join_wait wait(t);
    t.waiting = &wait;
    wait.wait("a task's end", t.block, where);
    if (!t.ended) {
        throw_stopped("join");
    }
}

void detach(task_state& t) noexcept {
    check_thread(t, "detached", {});
    if (t.ended && t.failure && !t.block->stop.cancelled) {
        die_of_failure(t);
    }
    let_go(t);
}

void let_go(task_state& t) noexcept {
    t.owned = false;
    if (t.ended) {
        free_task(t);
    }
}

void die_if_in_coroutine(char const* what, place where) {
    if (in_coroutine()) {
        die(where, std::string(what) + " called inside a coroutine: it would block the loop that runs it");
    }
}

void cancel_and_join_all_tasks() {
    tasks_of_loop& tasks = tasks_of_this_thread();
    bool none_left = false;
    tasks.none_left = &none_left;
    tasks.look_whether_none_left();
    for (auto* t = tasks.unscoped.first; t != nullptr; t = t->next) {
        cancel(*t);
    }
    cancel_guests(tasks);
    loop::current().run_until(none_left);
    tasks.none_left = nullptr;
}

running::running(time_span report_parked_after) {
    loop& here = loop::current();  // what can't be had is thrown from here, and not from the destructor
    if (!report_parked_after.is_for_ever()) {
        here.when_idle(&report_parked, report_parked_after);
    }
}

running::~running() {
    cancel_and_join_all_tasks();
    loop::current().when_idle(nullptr, {});
}

}  // namespace detail

namespace {

bool is_cancellation(std::exception_ptr const& failure) noexcept {
    try {
        std::rethrow_exception(failure);
    } catch (std::system_error const& e) {
        return e.code() == std::errc::operation_canceled;
    } catch (...) {
        return false;
    }
}

}  // namespace

scope::~scope() {
    if (size_ > 0) {
        cancel();
        uninterrupted anyway;
        wait_for_all(place("~scope", 0));
    }
}

void scope::add(detail::task_state& t) noexcept {
    if (tasks_.first != nullptr) {
        detail::check_thread(*tasks_.first, "joined by another task of its scope that was started", {});
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
    if (t.failure && !(t.block->stop.cancelled && is_cancellation(t.failure))) {
        keep_failure(t.failure);
    }
    if (size_ > 0) {
        return;
    }
    if (joiner_ != nullptr) {
        std::exchange(joiner_, nullptr)->end();
    }
}

void scope::keep_failure(std::exception_ptr const& failure) noexcept {
    try {
        failures_.push_back(failure);
    } catch (std::bad_alloc const&) {  // then the first is the only one
    }
    if (!failure_) {
        failure_ = failure;
        cancel();
    }
}

void scope::cancel() noexcept {
    cancelled_ = true;
    for (auto* t = tasks_.first; t != nullptr; t = t->next) {
        detail::cancel(*t);
    }
}

void scope::wait_for_all(place where) {
    struct scope_wait : detail::loop_wait {
        explicit scope_wait(scope* s)
            : loop_wait([](detail::interruptible_wait& w) noexcept {
                  static_cast<scope_wait&>(w).waited_for->cancel();  // their end ends the wait
              }),
              waited_for(s) {}
        scope* waited_for;
    };
    while (size_ > 0) {
        detail::check_thread(*tasks_.first, "joined", where);
        scope_wait wait(this);
        joiner_ = &wait;
        wait.wait("a scope's tasks", this, where);
    }
}

void scope::join(place where) {
    detail::stop_state const& mine = detail::stop_of_caller();
    if (mine.asked()) {
        cancel();
    }
    wait_for_all(where);
    cancelled_ = false;
    failures_of_last_join_ = std::exchange(failures_, {});
    if (std::exception_ptr failure = std::exchange(failure_, nullptr)) {
        std::rethrow_exception(failure);
    }
    if (mine.asked()) {
        detail::throw_stopped("join");
    }
}

}  // namespace weft
