// Floor: system

#include "system/blocking_pool.hpp"

#include <cerrno>
#include <utility>
#include <weft/detail/base/assert.hpp>

#include "system/blocking_threads.hpp"
#include "system/descriptor_use.hpp"

namespace weft::detail {

blocking_pool::blocking_pool(reactor& notify, std::size_t limit)
    : threads_(std::make_shared<blocking_threads>(notify, limit)) {}

blocking_pool::~blocking_pool() {
    intrusive_queue<operation> dropped = started_.take_if([](operation const& op) { return op.drop != nullptr; });
    while (!dropped.empty()) {
        operation& op = dropped.pop();
        op.drop(op);
    }
    threads_->disband();
}

void blocking_pool::hand_over() noexcept {
    if (started_.empty()) {
        return;
    }
    for (operation const* op = started_.first(); op != nullptr; op = op->next) {
        ++at_work_;
    }
    threads_->add(std::move(started_));
}

void blocking_pool::cancel(operation& op) noexcept {
    if (started_.remove(op)) {
        ++at_work_;  // complete_finished() counts it as one
        threads_->finish(op);
    } else if (!threads_->take_back(op) && op.drop != nullptr) {
        let_go_ += std::exchange(op.cancelled, true) ? 0 : 1;
    }
}

void blocking_pool::closing(int fd) noexcept {
    auto on_it = [fd](operation const& op) { return op.fd == fd; };
    intrusive_queue<operation> taken = started_.take_if(on_it);
    while (!taken.empty()) {
        ++at_work_;
        threads_->finish(taken.pop());
    }
    threads_->take_back_all_on(fd);
}

bool blocking_pool::closed(int fd, bool closes) noexcept {
    threads_->take_back_all_on(fd);
    return closes && threads_->close_afterwards(fd);
}

void blocking_pool::complete_finished() noexcept {
    intrusive_queue<operation> done = threads_->take_finished();
    while (!done.empty()) {
        operation& op = done.pop();
        WEFT_ASSERT(at_work_ > 0, "an operation to complete once", &op);
        --at_work_;
        let_go_ -= op.cancelled ? 1 : 0;
        settle(op);
        op.complete(op);
    }
}

}  // namespace weft::detail
