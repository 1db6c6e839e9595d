// Floor: system

#include "system/blocking_threads.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <utility>

#include "system/call_kernel.hpp"
#include "system/descriptor_use.hpp"
#include "system/quiet_thread.hpp"

namespace weft::detail {
namespace {

constexpr std::size_t most_together = 64;  // beside the first
constexpr std::size_t most_calls = 64;     // see offload.hpp
constexpr std::size_t most_look_ups = 16;  // each may wait for half a minute; as many more wait for their turn

// How long a thread stays without work: long against the cost of starting one (some 20 us).
constexpr std::chrono::seconds idle_limit{1};

bool is_call(operation const& op) {
    return op.what == operation::kind::call;
}

bool quick(operation const& op) {
    return op.what == operation::kind::writev && op.flags == 0;
}

bool may_be_left(operation const& op) {
    return op.drop != nullptr;
}

void drop_all(intrusive_queue<operation> list) noexcept {
    while (!list.empty()) {
        operation& op = list.pop();
        op.drop(op);
    }
}

}  // namespace

blocking_threads::blocking_threads(reactor& notify, std::size_t limit)
    : notify_(notify), most_threads_(limit + most_calls + most_look_ups) {
    queues_[static_cast<std::size_t>(trade::io)].most = limit;
    queues_[static_cast<std::size_t>(trade::call)].most = most_calls;
    queues_[static_cast<std::size_t>(trade::look_up)].most = most_look_ups;
    being_written_.reserve(limit);
    left_.reserve(most_threads_);
    members_.reserve(most_threads_);
}

blocking_threads::trade blocking_threads::trade_of(operation const& op) {
    if (!is_call(op)) {
        return trade::io;
    }
    return op.flags == operation::look_up ? trade::look_up : trade::call;
}

void blocking_threads::add(intrusive_queue<operation> started) noexcept {
    std::unique_lock lock(mutex_);
    bool in_vain = false;
    while (!started.empty()) {
        operation& op = started.pop();
        if (op.fd >= 0 && op.life != life_of(op.fd)) {  // it was closed on another thread
            op.result = -ECANCELED;
            finished_.push(op);
            in_vain = true;
        } else {
            queue_of(op).waiting.push(op);
        }
    }
    bool wake = find_thread();
    if (members_.empty()) {
        for (queue& q : queues_) {
            while (!q.waiting.empty()) {
                operation& op = q.waiting.pop();
                op.result = -EAGAIN;
                finished_.push(op);
            }
        }
        in_vain = true;
    }
    if (in_vain) {
        notify_.notify();
    }
    lock.unlock();
    if (wake) {
        work_there_.notify_one();
    }
}

bool blocking_threads::take_back(operation& op) noexcept {
    std::lock_guard guard(mutex_);
    if (!queue_of(op).waiting.remove(op)) {
        return false;
    }
    op.result = -ECANCELED;
    finished_.push(op);
    notify_.notify();
    return true;
}

void blocking_threads::finish(operation& op) noexcept {
    std::lock_guard guard(mutex_);
    op.result = -ECANCELED;
    finished_.push(op);
    notify_.notify();
}

void blocking_threads::take_back_all_on(int fd) noexcept {
    std::lock_guard guard(mutex_);
    intrusive_queue<operation> taken;
    for (queue& q : queues_) {
        taken.append(q.waiting.take_if([fd](operation const& op) { return op.fd == fd; }));
    }
    if (taken.empty()) {
        return;
    }
    while (!taken.empty()) {
        operation& op = taken.pop();
        op.result = -ECANCELED;
        finished_.push(op);
    }
    notify_.notify();
}

bool blocking_threads::close_afterwards(int fd) noexcept {
    std::lock_guard guard(mutex_);
    return leave_closing(fd);
}

/// To another that is in an operation on it, if there is one.
bool blocking_threads::leave_closing(int fd) noexcept {
    for (auto const& m : members_) {
        operation* op = m->doing != nullptr ? m->doing->first() : nullptr;
        if (op != nullptr && op->fd == fd) {  // it does several only if they are on one file
            op->closes = true;
            return true;
        }
    }
    return false;
}

intrusive_queue<operation> blocking_threads::take_finished() noexcept {
    std::lock_guard guard(mutex_);
    return std::move(finished_);
}

bool blocking_threads::busy_with_what_must_be_waited_for() const {
    return std::ranges::any_of(queues_, [](queue const& q) { return !q.waiting.empty(); }) ||
           std::ranges::any_of(members_,
                               [](auto const& m) { return m->doing != nullptr && !may_be_left(*m->doing->first()); });
}

void blocking_threads::disband() noexcept {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    intrusive_queue<operation> left = finished_.take_if(may_be_left);
    for (queue& q : queues_) {
        left.append(q.waiting.take_if(may_be_left));
    }
    work_there_.notify_all();
    work_done_.wait(lock, [this] { return !busy_with_what_must_be_waited_for(); });
    for (auto const& m : members_) {  // none comes or leaves any more
        if (m->doing != nullptr) {
            m->thread.detach();  // it shares ownership
            continue;
        }
        lock.unlock();
        m->thread.join();
        lock.lock();
    }
    join_those_that_left();
    lock.unlock();
    drop_all(std::move(left));
}

bool blocking_threads::runnable(operation const& op) const {
    return !quick(op) || std::ranges::find(being_written_, op.fd) == being_written_.end();
}

bool blocking_threads::any_runnable() const {
    return std::ranges::any_of(queues_, [this](queue const& q) {
        for (operation const* op = q.busy < q.most ? q.waiting.first() : nullptr; op != nullptr; op = op->next) {
            if (runnable(*op)) {
                return true;
            }
        }
        return false;
    });
}

/// For what is there to do: a thread that starts, or, with true, one that is to be woken. It does the same once more when
/// it has taken its part, so one at a time suffices. What waits for a file that is being written is found by the thread
/// that writes it.
bool blocking_threads::find_thread() noexcept {
    if (!any_runnable()) {
        return false;
    }
    if (idle_ == 0 && starting_ == 0 && members_.size() < most_threads_) {
        try {
            add_thread();
        } catch (std::exception const&) {  // no memory, no thread
            return false;                  // those that there are will come to it
        }
    }
    return idle_ > 0;
}

void blocking_threads::add_thread() {
    join_those_that_left();
    auto begin = std::make_unique<std::shared_ptr<blocking_threads>>(shared_from_this());
    members_.push_back(std::make_unique<member>());
    try {
        members_.back()->thread = quiet_thread(
            [](void* b) {
                std::unique_ptr<std::shared_ptr<blocking_threads>> const whose(
                    static_cast<std::shared_ptr<blocking_threads>*>(b));
                (*whose)->work();
            },
            begin.get());
    } catch (...) {
        members_.pop_back();
        throw;
    }
    (void)begin.release();
    ++starting_;
}

/// One operation, or writes of one file: of those that wait about half, so that the loop answers these, and is asked for more,
/// while the others are made (docs/decisions/0003-buffered-writes.md).
intrusive_queue<operation> blocking_threads::take() {
    intrusive_queue<operation> taken;
    for (queue& q : queues_) {
        if (taken.empty() && q.busy < q.most) {
            taken = q.waiting.take_if([this](operation const& op) { return runnable(op); }, 1);
        }
    }
    if (!taken.empty() && quick(*taken.first())) {
        operation const& first = *taken.first();
        being_written_.push_back(first.fd);
        intrusive_queue<operation>& waiting = queue_of(first).waiting;
        auto alike = [&first](operation const& op) { return quick(op) && op.fd == first.fd; };
        std::size_t others = 0;
        for (operation const* op = waiting.first(); op != nullptr && others < 2 * most_together; op = op->next) {
            others += alike(*op) ? 1 : 0;
        }
        taken.append(waiting.take_if(alike, others / 2));
    }
    return taken;
}

blocking_threads::member& blocking_threads::me() noexcept {
    return **std::ranges::find(members_, std::this_thread::get_id(), [](auto const& m) { return m->thread.get_id(); });
}

void blocking_threads::work() {
    std::unique_lock lock(mutex_);
    --starting_;
    for (;;) {
        intrusive_queue<operation> taken = take();
        if (!taken.empty()) {
            do_all(std::move(taken), me(), lock);
        } else if (stopping_) {
            return;
        } else if (!wait_for_work(lock)) {
            leave(me());
            return;
        }
    }
}

/// Returns whether there may be some. The mutex is held when it says that there is none, and the thread is no longer
/// counted as idle: whoever has work from then on does not count on it.
bool blocking_threads::wait_for_work(std::unique_lock<std::mutex>& lock) {
    ++idle_;
    bool in_vain = work_there_.wait_for(lock, idle_limit) == std::cv_status::timeout;
    --idle_;
    return !in_vain || stopping_ || any_runnable();
}

/// From here on the calling thread only lets go of the mutex.
void blocking_threads::leave(member& me) noexcept {
    left_.push_back(std::move(me.thread));
    std::erase_if(members_, [&me](auto const& m) { return m.get() == &me; });
}

void blocking_threads::join_those_that_left() noexcept {
    for (std::thread& thread : left_) {
        thread.join();
    }
    left_.clear();
}

void blocking_threads::do_all(intrusive_queue<operation> taken, member& me, std::unique_lock<std::mutex>& lock) {
    operation const& first = *taken.first();
    queue& mine = queue_of(first);
    bool const may_be_dropped = may_be_left(first);
    ++mine.busy;
    me.doing = &taken;
    bool wake = find_thread();
    lock.unlock();
    if (wake) {
        work_there_.notify_one();
    }
    for (operation* op = taken.first(); op != nullptr; op = op->next) {
        op->result = call_kernel(*op);
    }
    lock.lock();
    me.doing = nullptr;
    --mine.busy;
    if (quick(first)) {
        std::erase(being_written_, first.fd);
    }
    if (first.closes) {
        if (!leave_closing(first.fd)) {
            close_file(first.fd);
        }
    }
    if (stopping_) {
        if (may_be_dropped) {
            lock.unlock();
            drop_all(std::move(taken));
            lock.lock();
        }
        work_done_.notify_all();
        return;
    }
    bool none_before = finished_.empty();
    finished_.append(std::move(taken));
    if (none_before) {
        notify_.notify();
    }
}

}  // namespace weft::detail
