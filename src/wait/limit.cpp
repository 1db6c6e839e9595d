// Floor: wait

#include <weft/limit.hpp>

#include <algorithm>

#include "coroutine/misuse.hpp"
#include "wait/thread_sleep.hpp"

namespace weft {

limited::limited(limit const& l, call_site where)
    : whose_(detail::stop_of_caller()), outer_(whose_.limits), deadline_(l.deadline()), stop_(l.stop()) {
    detail::thread_state& thread = detail::this_thread();
    bool never = deadline_ == clock::time_point::max();
    if ((!never || l.stop().stop_possible()) && thread.home == nullptr && thread.current != nullptr) {
        detail::die(where, detail::describe(*thread.current) +
                               " was given a limit, but no loop runs it that could keep watch: use a task");
    }
    timer_.waiter = this;
    timer_.expired = [](timer& t) noexcept { static_cast<limited*>(t.waiter)->meet(detail::stop_reason::timed_out); };
    whose_.limits = this;
    if (!never && deadline_ <= detail::time_now()) {
        meet(detail::stop_reason::timed_out);
    }
    watch(thread.home);
}

limited::~limited() {
    stop_watching();
    whose_.limits = outer_;
    if (reason_ == detail::stop_reason::none) {
        return;
    }
    whose_.reason = whose_.cancelled ? detail::stop_reason::cancelled : detail::stop_reason::none;
    for (limited* l = outer_; l != nullptr && whose_.reason == detail::stop_reason::none; l = l->outer_) {
        whose_.reason = l->reason_;
    }
}

void limited::meet(detail::stop_reason why) noexcept {
    if (!met()) {
        reason_ = why;
        whose_.stop(why);
    }
}

void limited::meet_posted(detail::posted* p) {
    if (!p->drop) {
        static_cast<asked*>(p)->me->meet(detail::stop_reason::cancelled);
    }
}

/// On whatever thread requests the stop.
void limited::stop_requested() noexcept {
    detail::thread_state& thread = detail::this_thread();
    bool mine = &whose_ == &thread.stop || (home_ != nullptr && home_ == thread.home);
    if (mine) {
        meet(detail::stop_reason::cancelled);
    } else if (home_ != nullptr) {
        stop_asked_.store(true, std::memory_order_relaxed);
        home_->push(asked_);
    } else {
        stop_asked_.store(true, std::memory_order_relaxed);
        detail::wake_thread(whose_.signal, detail::stop_bit);
    }
}

void limited::watch(detail::executor* home) {
    stop_watching();
    home_ = home;
    if (met()) {
        return;
    }
    if (home != nullptr && deadline_ != clock::time_point::max()) {
        home->arm(timer_, deadline_);
    }
    if (stop_.stop_possible()) {
        callback_.emplace(stop_, on_stop{this});  // calls at once if it was requested meanwhile
    }
}

/// From here on no other thread knows of this limit: so `home_` changes only while none reads it.
void limited::stop_watching() noexcept {
    callback_.reset();  // what it has begun has ended
    if (home_ != nullptr) {
        if (stop_asked_.load(std::memory_order_relaxed)) {
            home_->withdraw(asked_);
        }
        if (timer_.armed()) {
            home_->disarm(timer_);
        }
    }
    stop_asked_.store(false, std::memory_order_relaxed);
    home_ = nullptr;
}

void limited::detach(detail::stop_state& whose) noexcept {
    for (limited* l = whose.limits; l != nullptr; l = l->outer_) {
        l->stop_watching();
    }
}

void limited::attach(detail::stop_state& whose, detail::executor* to) {
    for (limited* l = whose.limits; l != nullptr; l = l->outer_) {
        l->watch(to);
    }
}

clock::time_point limited::first_deadline(detail::stop_state const& whose) {
    clock::time_point first = clock::time_point::max();
    for (limited const* l = whose.limits; l != nullptr; l = l->outer_) {
        first = l->met() ? first : std::min(first, l->deadline_);
    }
    return first;
}

bool limited::any_met(limited const* innermost) noexcept {
    for (limited const* l = innermost; l != nullptr; l = l->outer_) {
        if (l->met()) {
            return true;
        }
    }
    return false;
}

void limited::look(detail::stop_state& whose, clock::time_point now) noexcept {
    for (limited* l = whose.limits; l != nullptr; l = l->outer_) {
        if (l->stop_asked_.load(std::memory_order_relaxed)) {
            l->meet(detail::stop_reason::cancelled);
        } else if (l->deadline_ <= now) {
            l->meet(detail::stop_reason::timed_out);
        }
    }
}

}  // namespace weft
