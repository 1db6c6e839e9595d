// Floor: system

#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <weft/reactor.hpp>

namespace weft::detail {

/// First in, first out; linked through operation::next, so that nothing has to be allocated.
class operation_list {
public:
    operation_list() = default;
    operation_list(operation_list&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)) {}
    operation_list& operator=(operation_list&& other) noexcept {
        first_ = std::exchange(other.first_, nullptr);
        last_ = std::exchange(other.last_, nullptr);
        return *this;
    }

    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    [[nodiscard]] operation* first() const { return first_; }

    void push(operation& op) {
        op.next = nullptr;
        (first_ == nullptr ? first_ : last_->next) = &op;
        last_ = &op;
    }

    operation& pop() {
        operation& op = *first_;
        first_ = op.next;
        return op;
    }

    /// Takes out all that `wanted` holds for, up to `limit` of them. `wanted` may do with them what it likes, but for `next`.
    template <class Predicate>
    operation_list take_if(Predicate wanted, std::size_t limit = SIZE_MAX) {
        operation_list taken;
        operation* previous = nullptr;
        for (operation* op = first_; op != nullptr && limit > 0;) {
            operation* after = op->next;
            if (wanted(*op)) {
                (previous == nullptr ? first_ : previous->next) = after;
                last_ = last_ == op ? previous : last_;
                taken.push(*op);
                --limit;
            } else {
                previous = op;
            }
            op = after;
        }
        return taken;
    }

    /// Whether `op` was in it: it is no longer.
    bool remove(operation const& op) {
        return !take_if([&op](operation const& other) { return &other == &op; }, 1).empty();
    }

    void append(operation_list&& others) {
        while (!others.empty()) {
            push(others.pop());
        }
    }

private:
    operation* first_ = nullptr;
    operation* last_ = nullptr;
};

}  // namespace weft::detail
