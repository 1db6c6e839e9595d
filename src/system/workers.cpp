// Floor: system

#include "system/workers.hpp"

#include <cerrno>
#include <utility>

#include "system/crew.hpp"
#include "system/descriptor_use.hpp"

namespace weft::detail {

workers::workers(reactor& notify, std::size_t limit) : crew_(std::make_shared<crew>(notify, limit)) {}

workers::~workers() {
    intrusive_queue<operation> dropped = started_.take_if([](operation const& op) { return op.drop != nullptr; });
    while (!dropped.empty()) {
        operation& op = dropped.pop();
        op.drop(op);
    }
    crew_->disband();
}

void workers::hand_over() noexcept {
    if (started_.empty()) {
        return;
    }
    for (operation const* op = started_.first(); op != nullptr; op = op->next) {
        ++at_work_;
    }
    crew_->add(std::move(started_));
}

void workers::cancel(operation& op) noexcept {
    if (started_.remove(op)) {
        ++at_work_;  // complete_finished() counts it as one
        crew_->finish(op);
    } else if (!crew_->take_back(op) && op.drop != nullptr) {
        let_go_ += std::exchange(op.cancelled, true) ? 0 : 1;
    }
}

void workers::closing(int fd) noexcept {
    auto on_it = [fd](operation const& op) { return op.fd == fd; };
    intrusive_queue<operation> taken = started_.take_if(on_it);
    while (!taken.empty()) {
        ++at_work_;
        crew_->finish(taken.pop());
    }
    crew_->take_back_all_on(fd);
}

bool workers::closed(int fd, bool closes) noexcept {
    crew_->take_back_all_on(fd);
    return closes && crew_->close_afterwards(fd);
}

void workers::complete_finished() noexcept {
    intrusive_queue<operation> done = crew_->take_finished();
    while (!done.empty()) {
        operation& op = done.pop();
        --at_work_;
        let_go_ -= op.cancelled ? 1 : 0;
        settle(op);
        op.complete(op);
    }
}

}  // namespace weft::detail
