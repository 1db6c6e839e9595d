// Floor 4: loop

#include "loop/workers.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "loop/perform.hpp"

namespace weft::detail {

namespace {

bool quick(operation const& op) {
    return op.what == operation::kind::writev && op.flags == 0;
}

}  // namespace

void workers::list::push(operation& op) {
    op.next = nullptr;
    (first == nullptr ? first : last->next) = &op;
    last = &op;
}

operation& workers::list::pop() {
    operation& op = *first;
    first = op.next;
    return op;
}

bool workers::list::remove(operation& op) {
    operation* previous = nullptr;
    for (operation* o = first; o != nullptr; previous = std::exchange(o, o->next)) {
        if (o == &op) {
            (previous == nullptr ? first : previous->next) = op.next;
            last = last == &op ? previous : last;
            return true;
        }
    }
    return false;
}

workers::~workers() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    work_there_.notify_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

void workers::hand_over() noexcept {
    if (started_.empty()) {
        return;
    }
    std::unique_lock lock(mutex_);
    std::size_t added = 0;
    for (bool after_quick = false; !started_.empty();) {
        operation& op = started_.pop();
        bool with_the_last = std::exchange(after_quick, quick(op)) && quick(op);
        added += with_the_last ? 0 : 1;
        waiting_.push(op);
    }
    jobs_ += added;
    while (idle_ + starting_ < jobs_ && threads_.size() < limit_) {
        try {
            add_thread();
        } catch (std::system_error const&) {
            break;
        }
    }
    if (threads_.empty()) {
        while (!waiting_.empty()) {
            operation& op = waiting_.pop();
            op.result = -EAGAIN;
            finished_.push(op);
        }
        notify_.notify();
    }
    lock.unlock();
    for (std::size_t i = 0; i < added; ++i) {
        work_there_.notify_one();
    }
}

void workers::add_thread() {
    // Signals are for the threads of the program: a worker inherits a mask that keeps them all out.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct restore {
        sigset_t const& mask;
        ~restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
    } at_end{before};
    threads_.emplace_back([this] { work(); });
    ++starting_;
}

void workers::cancel(operation& op) noexcept {
    bool taken_back = started_.remove(op);
    std::lock_guard lock(mutex_);
    if (taken_back || waiting_.remove(op)) {
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
        op.complete(op);
    }
}

/// One operation, or all quick ones at the head of the queue. Under mutex_.
workers::list workers::take() {
    list taken;
    do {
        taken.push(waiting_.pop());
    } while (quick(*taken.last) && !waiting_.empty() && quick(*waiting_.first));
    jobs_ = waiting_.empty() ? 0 : std::max<std::size_t>(jobs_, 2) - 1;
    return taken;
}

void workers::work() {
    std::unique_lock lock(mutex_);
    --starting_;
    for (;;) {
        ++idle_;
        work_there_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        --idle_;
        if (waiting_.empty()) {
            return;
        }
        list taken = take();
        lock.unlock();
        for (operation* op = taken.first; op != nullptr; op = op->next) {
            op->result = perform(*op);
        }
        lock.lock();
        bool first = finished_.empty();
        while (!taken.empty()) {
            finished_.push(taken.pop());
        }
        if (first) {
            notify_.notify();
        }
    }
}

}  // namespace weft::detail
