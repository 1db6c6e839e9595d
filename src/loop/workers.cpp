// Floor 4: loop

#include "loop/workers.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "loop/perform.hpp"

namespace weft::detail {

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

void workers::start(operation& op) noexcept {
    std::unique_lock lock(mutex_);
    if (idle_ == 0 && threads_.size() < limit_) {
        try {
            // Signals are for the threads of the program: a worker inherits a mask that keeps them all out.
            sigset_t all;
            sigset_t before;
            sigfillset(&all);
            pthread_sigmask(SIG_SETMASK, &all, &before);
            try {
                threads_.emplace_back([this] { work(); });
            } catch (...) {
                pthread_sigmask(SIG_SETMASK, &before, nullptr);
                throw;
            }
            pthread_sigmask(SIG_SETMASK, &before, nullptr);
        } catch (std::exception const&) {
            if (threads_.empty()) {
                op.result = -EAGAIN;
                finished_.push(op);
                lock.unlock();
                notify_.notify();
                return;
            }
        }
    }
    waiting_.push(op);
    lock.unlock();
    work_there_.notify_one();
}

void workers::cancel(operation& op) noexcept {
    std::unique_lock lock(mutex_);
    if (waiting_.remove(op)) {
        op.result = -ECANCELED;
        finished_.push(op);
        lock.unlock();
        notify_.notify();
    }
}

bool workers::complete_finished() noexcept {
    list done;
    {
        std::lock_guard lock(mutex_);
        done = std::exchange(finished_, {});
    }
    bool any = done.first != nullptr;
    while (done.first != nullptr) {
        operation& op = done.pop();
        op.complete(op);
    }
    return any;
}

void workers::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        work_there_.wait(lock, [this] { return stopping_ || waiting_.first != nullptr; });
        --idle_;
        if (waiting_.first == nullptr) {
            return;
        }
        operation& op = waiting_.pop();
        lock.unlock();
        std::int64_t result = perform(op);
        lock.lock();
        op.result = result;
        bool first = finished_.first == nullptr;
        finished_.push(op);
        if (first) {
            lock.unlock();
            notify_.notify();
            lock.lock();
        }
    }
}

}  // namespace weft::detail
