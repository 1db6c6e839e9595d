// Floor: base
//
// Lists whose links are members of their elements: adding and removing allocate nothing and can't fail. An element is in one
// list at a time; whoever owns it removes it before destroying it. A list does not lock.

#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace weft::detail {

/// First in, first out; linked by T::next.
template <class T>
class intrusive_queue {
public:
    constexpr intrusive_queue() = default;
    intrusive_queue(intrusive_queue&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)) {}
    intrusive_queue& operator=(intrusive_queue&& other) noexcept {
        first_ = std::exchange(other.first_, nullptr);
        last_ = std::exchange(other.last_, nullptr);
        return *this;
    }

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    /// nullptr if it is empty. The others follow by `next`.
    [[nodiscard]] T* first() const noexcept { return first_; }
    /// nullptr if it is empty.
    [[nodiscard]] T* last() const noexcept { return first_ == nullptr ? nullptr : last_; }

    void push(T& element) noexcept {
        element.next = nullptr;
        (first_ == nullptr ? first_ : last_->next) = &element;
        last_ = &element;
    }

    void push_front(T& element) noexcept {
        element.next = first_;
        last_ = first_ == nullptr ? &element : last_;
        first_ = &element;
    }

    /// Removes the first. The queue is not empty. `next` of what is returned is unspecified.
    T& pop() noexcept {
        T& element = *first_;
        first_ = element.next;
        return element;
    }

    void append(intrusive_queue&& others) noexcept {
        others.prepend(std::move(*this));
        *this = std::move(others);
    }

    void prepend(intrusive_queue&& others) noexcept {
        if (!others.empty()) {
            others.last_->next = first_;
            last_ = first_ == nullptr ? others.last_ : last_;
            first_ = std::exchange(others.first_, nullptr);
        }
    }

    /// Removes all elements for which `wanted` holds, up to `limit` of them. `wanted` must leave `next` alone.
    template <class Predicate>
    intrusive_queue take_if(Predicate wanted, std::size_t limit = SIZE_MAX) {
        intrusive_queue taken;
        T* previous = nullptr;
        for (T* element = first_; element != nullptr && limit > 0;) {
            T* after = element->next;
            if (wanted(*element)) {
                (previous == nullptr ? first_ : previous->next) = after;
                last_ = last_ == element ? previous : last_;
                taken.push(*element);
                --limit;
            } else {
                previous = element;
            }
            element = after;
        }
        return taken;
    }

    /// Returns whether `element` was in the queue. Takes time in proportion to what is before it.
    bool remove(T const& element) {
        return !take_if([&element](T const& other) { return &other == &element; }, 1).empty();
    }

private:
    T* first_ = nullptr;
    T* last_ = nullptr;
};

/// In no order; linked by T::previous and T::next, so that any element can be removed at once.
template <class T>
class intrusive_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    /// nullptr if it is empty. The others follow by `next`.
    [[nodiscard]] T* first() const noexcept { return first_; }

    void add(T& element) noexcept {
        element.previous = nullptr;
        element.next = first_;
        if (first_ != nullptr) {
            first_->previous = &element;
        }
        first_ = &element;
    }

    void remove(T& element) noexcept {
        (element.previous == nullptr ? first_ : element.previous->next) = element.next;
        if (element.next != nullptr) {
            element.next->previous = element.previous;
        }
    }

private:
    T* first_ = nullptr;
};

}  // namespace weft::detail
