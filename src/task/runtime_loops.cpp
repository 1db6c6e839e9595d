// Floor: task

#include "task/runtime_loops.hpp"

#include <utility>
#include <weft/detail/base/assert.hpp>
#include <weft/task.hpp>

#include "loop/loop_access.hpp"

namespace weft::detail {

void runtime_loop::work(loop& mine) {
    if (offered_ != nullptr) {
        loop_access::find_more(mine, &runtime_loop::find_more, this);
    }
    while (!over_) {
        mine.run_until(leave_);
        leave_ = false;
        while (begin_one()) {  // so that they are cancelled with the rest
        }
        cancel_and_join_all_tasks();
        if (std::exchange(asked_, false)) {
            arrivals_ = tasks_of_this_thread().arrivals;
            answered_->complete();
        }
    }
}

void runtime_loop::asked_here(posted* p) {
    runtime_loop& me = *static_cast<message*>(p)->of;
    WEFT_ASSERT(!p->drop, "a loop of a runtime to answer before it ends", &me);
    me.asked_ = me.leave_ = true;
}

void runtime_loop::ended_here(posted* p) {
    runtime_loop& me = *static_cast<message*>(p)->of;
    WEFT_ASSERT(!p->drop, "a loop of a runtime to end when it is told to", &me);
    me.over_ = me.leave_ = true;
}

bool runtime_loop::find_more(void* me, bool begin) noexcept {
    auto& mine = *static_cast<runtime_loop*>(me);
    return begin ? mine.begin_one() : mine.offered_->any();
}

/// While nobody sees the loop sleep.
bool runtime_loop::begin_one() noexcept {
    woken_.store(0, std::memory_order_relaxed);
    posted* start = offered_ == nullptr ? nullptr : offered_->take();
    if (start == nullptr) {
        return false;
    }
    if (offered_->any()) {
        wake_one(*first_);
    }
    start->run(start);
    return true;
}

bool runtime_loop::wake() noexcept {
    if (!loop_access::sleeps(*here) || woken_.exchange(1) != 0) {
        return false;
    }
    loop_access::notify(*here);
    return true;
}

void runtime_loop::ask() noexcept {
    answered_.emplace();
    loop_access::as_executor(*here).push(ask_);
}

std::uint64_t runtime_loop::answer() {
    bool answered = answered_->wait("a runtime's tasks", call_site("weft::runtime::stop", 0));
    WEFT_ASSERT(answered, "the wait for a runtime's tasks to be shielded", this);
    return arrivals_;
}

void runtime_loop::end() noexcept {
    loop_access::as_executor(*here).push(end_);
}

void wake_one(runtime_loop* first) noexcept {
    for (runtime_loop* l = first; l != nullptr && !l->wake(); l = l->next) {
    }
}

namespace {

/// Asks all at once, as their tasks may wait for each other. Returns how many have ever come to one of the loops.
WEFT_MIXED_FN std::uint64_t cancel_and_join_all(runtime_loop* first) {
    for (runtime_loop* l = first; l != nullptr; l = l->next) {
        l->ask();
    }
    std::uint64_t arrivals = 0;
    for (runtime_loop* l = first; l != nullptr; l = l->next) {
        arrivals += l->answer();
    }
    return arrivals;
}

}  // namespace

// A task that was cancelled on one loop may go to another, that was found empty before, to clean up there. All are empty when
// they were so twice and nothing came to any of them in between: at the end of the first round, each lay between two looks
// that found it empty with the same count.
void bring_to_an_end(runtime_loop* first) {
    std::uint64_t before = cancel_and_join_all(first);
    for (std::uint64_t now = cancel_and_join_all(first); now != before; now = cancel_and_join_all(first)) {
        before = now;
    }
    for (runtime_loop* l = first; l != nullptr; l = l->next) {
        l->end();
    }
}

}  // namespace weft::detail
