// Floor 5: task

#include <weft/task.hpp>

#include <exception>

#include <string>

#include "coroutine/misuse.hpp"

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
    if (first == nullptr && none_left != nullptr) {
        *none_left = true;
    }
}

[[gnu::noinline]] task_list& tasks_of_this_thread() {
    thread_local task_list tasks;
    return tasks;
}

namespace {

void free_task(task_state& t) noexcept {
    control_block& co = *t.block;
    if (t.destroy_result != nullptr) {
        t.destroy_result(t);
    }
    std::destroy_at(&t);
    destroy(co, {});
}

void wake_joiner(task_state& t) noexcept {
    if (t.joiner_outside != nullptr) {
        *t.joiner_outside = true;
    } else if (t.joiner != nullptr) {
        control_block& joiner = *std::exchange(t.joiner, nullptr);
        joiner.wait = nullptr;
        wake(joiner);
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

/// An interruption of join(): the task runs on, its joiner does not wait for it any more.
struct join_wait : interruptible_wait {
    task_state* t;
};

}  // namespace

void at_end_of_task(control_block& co) {
    auto& t = *static_cast<task_state*>(co.annex);
    t.ended = true;
    if (t.owner != nullptr) {
        t.owner->ended(t);
        free_task(t);
        return;
    }
    tasks_of_this_thread().remove(t);
    if (t.owned) {
        wake_joiner(t);
        return;
    }
    if (t.failure && co.stop == stop_reason::none) {
        die_of_failure(t);
    }
    free_task(t);
}

void start(task_state& t, scope* owner) {
    t.owner = owner;
    t.block->at_end = &at_end_of_task;
    loop::current().schedule(*t.block);
    if (owner != nullptr) {
        owner->add(t);
    } else {
        tasks_of_this_thread().add(t);
        if (tasks_of_this_thread().none_left != nullptr) {  // run() ends: what is started now ends with the rest
            t.block->stop = stop_reason::cancelled;
        }
    }
}

void wait_for_end(task_state& t, place where) {
    if (t.ended) {
        return;
    }
    control_block* self = this_thread().current;
    if (self == nullptr) {
        bool ended = false;
        t.joiner_outside = &ended;
        loop::current().run_until(ended);
        return;
    }
    if (self->interrupted()) {
        throw std::system_error(std::make_error_code(std::errc::operation_canceled), "weft: join");
    }
    join_wait wait;
    wait.t = &t;
    wait.interrupt = [](interruptible_wait& w) noexcept { wake_joiner(*static_cast<join_wait&>(w).t); };
    t.joiner = self;
    self->wait = self->shielded == 0 ? &wait : nullptr;
    park(*self, "a task's end", t.block, where);
    if (!t.ended) {
        throw std::system_error(std::make_error_code(std::errc::operation_canceled), "weft: join");
    }
}

void detach(task_state& t) noexcept {
    if (t.ended && t.failure && t.block->stop == stop_reason::none) {
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
    task_list& tasks = tasks_of_this_thread();
    bool none_left = tasks.first == nullptr;
    tasks.none_left = &none_left;
    for (auto* t = tasks.first; t != nullptr; t = t->next) {
        interrupt(*t->block, stop_reason::cancelled);
    }
    loop::current().run_until(none_left);
    tasks.none_left = nullptr;
}

}  // namespace detail

scope::~scope() {
    if (size_ > 0) {
        cancel();
        detail::uninterrupted anyway;
        wait_for_all(place("~scope", 0));
    }
}

void scope::add(detail::task_state& t) noexcept {
    tasks_.add(t);
    ++size_;
    if (cancelled_) {
        t.block->stop = detail::stop_reason::cancelled;
    }
}

void scope::ended(detail::task_state& t) noexcept {
    tasks_.remove(t);
    --size_;
    bool of_its_own = t.failure && t.block->stop == detail::stop_reason::none;
    if (of_its_own && !failure_) {
        failure_ = t.failure;
        cancel();
    }
    if (size_ > 0) {
        return;
    }
    joiner_outside_ = true;
    if (joiner_ != nullptr) {
        detail::control_block& joiner = *std::exchange(joiner_, nullptr);
        joiner.wait = nullptr;
        detail::wake(joiner);
    }
}

void scope::cancel() noexcept {
    cancelled_ = true;
    for (auto* t = tasks_.first; t != nullptr; t = t->next) {
        detail::interrupt(*t->block, detail::stop_reason::cancelled);
    }
}

void scope::wait_for_all(place where) {
    detail::control_block* self = detail::this_thread().current;
    if (self == nullptr) {
        joiner_outside_ = size_ == 0;
        loop::current().run_until(joiner_outside_);
        return;
    }
    struct scope_wait : detail::interruptible_wait {
        scope* waited_for;
    } wait;
    wait.waited_for = this;
    wait.interrupt = [](detail::interruptible_wait& w) noexcept {
        static_cast<scope_wait&>(w).waited_for->cancel();  // their end ends the wait
    };
    while (size_ > 0) {
        joiner_ = self;
        self->wait = self->shielded == 0 ? &wait : nullptr;
        detail::park(*self, "a scope's tasks", this, where);
    }
}

void scope::join(place where) {
    detail::control_block* self = detail::this_thread().current;
    if (self != nullptr && self->interrupted()) {
        cancel();
    }
    wait_for_all(where);
    cancelled_ = false;
    if (std::exception_ptr failure = std::exchange(failure_, nullptr)) {
        std::rethrow_exception(failure);
    }
    if (self != nullptr && self->interrupted()) {
        throw std::system_error(std::make_error_code(std::errc::operation_canceled), "weft: join");
    }
}

}  // namespace weft
