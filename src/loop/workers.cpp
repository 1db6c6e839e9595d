// Floor 4: loop

#include "loop/workers.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "loop/perform.hpp"
#include "loop/quiet_thread.hpp"

namespace weft::detail {

namespace {

constexpr std::size_t most_together = 64;

// How long a thread stays without work: long against the cost of starting one (some 20 us).
constexpr std::chrono::seconds idle_limit{1};

bool is_call(operation const& op) {
    return op.what == operation::kind::call;
}

bool quick(operation const& op) {
    return op.what == operation::kind::writev && op.flags == 0;
}

}  // namespace

workers::~workers() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    work_there_.notify_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
    join_those_that_left();
}

void workers::hand_over() noexcept {
    if (started_.empty()) {
        return;
    }
    std::unique_lock lock(mutex_);
    while (!started_.empty()) {
        operation& op = started_.pop();
        (is_call(op) ? waiting_calls_ : waiting_).push(op);
        ++at_work_;
    }
    bool wake = find_thread();
    if (threads_.empty()) {
        for (list* refused : {&waiting_, &waiting_calls_}) {
            while (!refused->empty()) {
                operation& op = refused->pop();
                op.result = -EAGAIN;
                finished_.push(op);
            }
        }
        notify_.notify();
    }
    lock.unlock();
    if (wake) {
        work_there_.notify_one();
    }
}

bool workers::runnable(operation const& op) const {
    return !quick(op) || std::ranges::find(being_written_, op.fd) == being_written_.end();
}

bool workers::any_runnable() const {
    if (!waiting_calls_.empty() && calls_ < most_calls) {
        return true;
    }
    for (operation const* op = at_io_ < limit_ ? waiting_.first() : nullptr; op != nullptr; op = op->next) {
        if (runnable(*op)) {
            return true;
        }
    }
    return false;
}

/// For what is there to do: a thread that starts, or, with true, one that is to be woken. It does the same once more when
/// it has taken its part, so one at a time suffices. What waits for a file that is being written is found by the thread
/// that writes it. Under mutex_.
bool workers::find_thread() noexcept {
    if (!any_runnable()) {
        return false;
    }
    if (idle_ == 0 && starting_ == 0 && threads_.size() < limit_ + most_calls) {
        try {
            add_thread();
        } catch (std::system_error const&) {
            return false;  // those that there are will come to it
        }
    }
    return idle_ > 0;
}

void workers::add_thread() {
    join_those_that_left();
    threads_.push_back(quiet_thread([](void* me) { static_cast<workers*>(me)->work(); }, this));
    ++starting_;
}

void workers::cancel(operation& op) noexcept {
    bool taken_back = started_.remove(op);
    std::lock_guard lock(mutex_);
    at_work_ += taken_back ? 1 : 0;  // complete_finished() counts it as one
    if (taken_back || (is_call(op) ? waiting_calls_ : waiting_).remove(op)) {
        op.result = -ECANCELED;
        finished_.push(op);
        notify_.notify();
    }
}

void workers::complete_finished() noexcept {
    list done;
    {
        std::lock_guard lock(mutex_);
        done = std::exchange(finished_, {});
    }
    while (!done.empty()) {
        operation& op = done.pop();
        --at_work_;
        op.complete(op);
    }
}

/// One operation, or the writes of one file. Under mutex_.
workers::list workers::take() {
    list taken;
    if (at_io_ < limit_) {
        taken = waiting_.take_if([this](operation const& op) { return runnable(op); }, 1);
    }
    if (taken.empty() && calls_ < most_calls && !waiting_calls_.empty()) {
        taken.push(waiting_calls_.pop());
    }
    if (!taken.empty() && quick(*taken.first())) {
        being_written_.push_back(taken.first()->fd);
        list more = waiting_.take_if([&](operation const& op) { return quick(op) && op.fd == taken.first()->fd; },
                                     most_together - 1);
        while (!more.empty()) {
            taken.push(more.pop());
        }
    }
    return taken;
}

void workers::work() {
    std::unique_lock lock(mutex_);
    --starting_;
    for (;;) {
        list taken = take();
        if (!taken.empty()) {
            perform_all(std::move(taken), lock);
        } else if (stopping_) {
            return;
        } else if (!wait_for_work(lock)) {
            leave_threads();
            return;
        }
    }
}

/// Returns whether there may be some. The mutex is held when it says that there is none, and the thread is no longer
/// counted as idle: whoever has work from then on does not count on it.
bool workers::wait_for_work(std::unique_lock<std::mutex>& lock) {
    ++idle_;
    bool in_vain = work_there_.wait_for(lock, idle_limit) == std::cv_status::timeout;
    --idle_;
    return !in_vain || stopping_ || any_runnable();
}

/// Under mutex_; from then on the calling thread only lets go of that.
void workers::leave_threads() noexcept {
    auto me = std::ranges::find(threads_, std::this_thread::get_id(), &std::thread::get_id);
    left_.push_back(std::move(*me));
    threads_.erase(me);
}

void workers::join_those_that_left() noexcept {
    for (std::thread& thread : left_) {
        thread.join();
    }
    left_.clear();
}

void workers::perform_all(list taken, std::unique_lock<std::mutex>& lock) {
    std::size_t& busy = is_call(*taken.first()) ? calls_ : at_io_;
    ++busy;
    bool wake = find_thread();
    lock.unlock();
    if (wake) {
        work_there_.notify_one();
    }
    for (operation* op = taken.first(); op != nullptr; op = op->next) {
        op->result = perform(*op);
    }
    lock.lock();
    --busy;
    if (quick(*taken.first())) {
        std::erase(being_written_, taken.first()->fd);
    }
    bool first = finished_.empty();
    while (!taken.empty()) {
        finished_.push(taken.pop());
    }
    if (first) {
        notify_.notify();
    }
}

}  // namespace weft::detail
