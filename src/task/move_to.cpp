// Floor: task
//
// A task on its way between loops.
//
//      on X's thread                                        on Y's thread
//      move_to(Y): leave X (`at` = nullptr), park
//      the park action: push into Y's inbox  ------------>  collect, run: arrive (`at` = Y), go on
//
// The hand-off. Nobody but the coroutine's own thread of the moment touches the control block, its limits, or its
// stop_state: X up to the push, Y from the collect on, and the push and the collect are a release and an acquire of the
// same word. Limits of which other threads know through stop_tokens are taken out of their reach before the park and put
// back after the arrival (limited::detach, attach), which finds what was requested meanwhile.
//
// The end. What the owner sees (ended, owner, the lists) belongs to the home loop's thread. So a task that ends on another
// loop posts a message home as the last thing that is done with it there; the message lies in the travel record, which only
// the handling of that message frees. The home loop outlives the message, because its task is not ended until then.
//
// Cancelling. The owner, at home, must reach a coroutine that may move or end at any moment. `lock` guards `at`, `asked` and
// `cancel_posted`:
//   * The owner finds `at` set: it posts to that loop under the lock. The coroutine can't leave or end without the lock,
//     so that loop is alive, and has the message when the coroutine leaves it. Leaving takes the message back, on that
//     loop's own thread: it was run before, or never is. So it never meets a coroutine that has gone.
//   * The owner finds `at` empty: it sets `asked`, and arriving, which sets `at` under the lock, sees it. If it was
//     posted and taken back, `asked` is still set, and the next arrival sees that too. No request is lost between.
//   * The owner finds `at` to be home: that changes on the owner's own thread alone, so it cancels at once.
// The record and the task live until finish() at home, so until after any cancel() of the owner's.

#include "task/move_to.hpp"

#include <mutex>
#include <string>
#include <weft/detail/wait/waiter.hpp>

#include "coroutine/misuse.hpp"
#include "loop/loop_access.hpp"

namespace weft {
namespace detail {

struct travel {
    struct message : posted {
        travel* of;
    };

    explicit travel(task_state& task);

    task_state& t;
    spin_lock lock;
    executor* at;                ///< The loop that it is on; nullptr: on its way, or ended. Under `lock`.
    bool asked = false;          ///< To be cancelled. Under `lock`.
    bool cancel_posted = false;  ///< `cancel` is in the hands of `at`. Under `lock`.
    message cancel;
    message ended;
    travel* previous = nullptr;  ///< Among the guests of the loop that it is on.
    travel* next = nullptr;
};

namespace {

void cancel_here(posted* p) {
    if (p->drop) {
        return;
    }
    travel& v = *static_cast<travel::message*>(p)->of;
    {
        std::lock_guard guard(v.lock);
        v.cancel_posted = false;
        v.asked = false;
    }
    v.t.block->stop.cancel();
}

void finish_here(posted* p) {
    if (!p->drop) {
        finish(static_cast<travel::message*>(p)->of->t);
    }
}

void remove_guest(travel& v) noexcept {
    tasks_of_loop& here = tasks_of_this_thread();
    here.guests.remove(v);
    loop_access::guest_leaves(loop::current());
    here.look_whether_none_left();
}

/// On the thread of the loop that it is on.
void depart(travel& v) noexcept {
    executor& here = *this_thread().home;
    bool take_back;
    {
        std::lock_guard guard(v.lock);
        v.at = nullptr;
        take_back = std::exchange(v.cancel_posted, false);
    }
    if (take_back) {
        here.withdraw(v.cancel);
    }
    if (&here != v.t.home) {
        remove_guest(v);
    }
}

/// On the thread of the loop that it has come to.
void arrive(travel& v) noexcept {
    executor& here = *this_thread().home;
    tasks_of_loop& tasks = tasks_of_this_thread();
    ++tasks.arrivals;
    bool cancelled = false;
    if (&here != v.t.home) {
        tasks_of_this_thread().guests.add(v);
        cancelled = tasks.none_left != nullptr;
    }
    {
        std::lock_guard guard(v.lock);
        v.at = &here;
        cancelled = std::exchange(v.asked, false) || cancelled;
    }
    if (cancelled) {
        v.t.block->stop.cancel();
    }
}

}  // namespace

travel::travel(task_state& task)
    : t(task), at(task.home), cancel{{.run = &cancel_here}, this}, ended{{.run = &finish_here}, this} {}

bool cancel_elsewhere(task_state& t) noexcept {
    travel& v = *t.travels;
    std::lock_guard guard(v.lock);
    if (v.at == t.home) {
        return false;
    }
    v.asked = true;
    if (v.at != nullptr && !std::exchange(v.cancel_posted, true)) {
        v.at->push(v.cancel);
    }
    return true;
}

void cancel_guests(tasks_of_loop& here) noexcept {
    for (travel* v = here.guests.first(); v != nullptr; v = v->next) {
        v->t.block->stop.cancel();
    }
}

void finish_at_home(task_state& t) noexcept {
    depart(*t.travels);
    t.home->push(t.travels->ended);
}

void forget_travels(task_state& t) noexcept {
    delete t.travels;
}

void die_of_other_thread(task_state const& t, char const* done, call_site where) noexcept {
    die(where, "a task was " + std::string(done) +
                   " on another thread than that of the loop that it was started on: move_to() there first; " +
                   describe(*t.block));
}

}  // namespace detail

void move_to(loop& target, call_site where) {
    detail::control_block& self = detail::current_or_die("move_to", where);
    if (self.at_end != &detail::at_end_of_task) {
        detail::die(where, "move_to() called in " + detail::describe(self) + ", which is no task");
    }
    detail::executor& to = detail::loop_access::as_executor(target);
    if (&to == detail::this_thread().home) {
        return;
    }
    auto& t = *static_cast<detail::task_state*>(self.maker_data);
    if (t.travels == nullptr) {
        t.travels = new detail::travel(t);
    }
    if (&to != t.home) {
        detail::loop_access::guest_comes(target);
    }
    limited::detach(self.stop);
    detail::depart(*t.travels);
    struct go_on : detail::park_action {
        loop* target;
    } action;
    action.target = &target;
    action.run = [](detail::park_action& a, detail::control_block& co) {
        detail::loop_access::adopt(*static_cast<go_on&>(a).target, co);
    };
    detail::park(self, "another loop", &target, where, &action);
    limited::attach(self.stop, detail::this_thread().home);
    detail::arrive(*t.travels);
}

}  // namespace weft
