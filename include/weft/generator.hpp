// Floor: coroutine
//
// A range whose values a function computes on demand:
//
//     weft::generator<int> squares([](auto& yield) {
//         for (int i = 0;; ++i) { yield(i * i); }
//     });
//     for (int square : squares | std::views::take(10)) { ... }
//
// The body has a stack of its own, so it may yield from any depth: a recursive walk through a tree passes `yield`
// along. yield.all(other) yields all values of another generator; they go straight to the consumer, at one switch
// each, however deep such generators nest.
//
//     consumer --enters--> the innermost generator
//              <--value---                          the outer ones rest until it has ended
//
// The body must not wait for anything else (a lock, a socket): its consumer expects a value and can't wait with it.
// For that, let a task fill a channel.

#pragma once

#include <exception>
#include <iterator>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>
#include <weft/coroutine.hpp>

namespace weft {

template <class T>
class generator;

namespace detail {

/// What does not depend on the type of the values.
struct generator_state {
    coroutine body;
    void const* value = nullptr;   ///< Of the outermost: what was yielded.
    generator_state* root = this;  ///< The outermost, which the consumer holds.
    generator_state* leaf = this;  ///< Of the outermost: the one that makes the next value.
    generator_state* parent = nullptr;
    std::exception_ptr failure;  ///< What the inner one threw, to be rethrown in this one.

    /// Makes the next value. Returns false at the end; throws what the body threw.
    bool advance(call_site where);
    /// Called in the body: `inner` makes the values until it has ended.
    WEFT_COROUTINE_FN void delegate(generator_state& inner, call_site where);
};

}  // namespace detail

/// What a generator's body is called with. A call hands a value to the consumer and returns when the next one is
/// wanted.
template <class T>
class yielder {
public:
    explicit yielder(detail::generator_state& state) : state_(&state) {}
    yielder(yielder const&) = delete;
    yielder& operator=(yielder const&) = delete;

    /// The consumer sees the value itself, not a copy. Suspends.
    WEFT_COROUTINE_FN void operator()(T&& value, call_site where = call_site::here()) {
        state_->root->value = std::addressof(value);
        weft::yield(where);
    }
    /// The consumer sees a copy, which it may move from. Suspends.
    WEFT_COROUTINE_FN void operator()(std::remove_reference_t<T> const& value,
                                      call_site where = call_site::here()) requires(!std::is_reference_v<T>) {
        T copy(value);
        (*this)(std::move(copy), where);
    }

    /// Yields all values of `inner` that are left; throws what its body throws. Suspends.
    WEFT_COROUTINE_FN void all(generator<T> inner, call_site where = call_site::here());

private:
    detail::generator_state* state_;
};

/// An input range, for a single pass. Moves, does not copy. T may be a reference. Not a view: `numbers |
/// std::views::take(10)` takes ten values from `numbers`, which can be asked for more afterwards. Destroying it
/// half-way unwinds the body.
/// Threads: any, one at a time.
template <class T>
class generator {
public:
    using reference = std::conditional_t<std::is_reference_v<T>, T, T&>;

    generator() = default;

    /// A generator that runs `body(yield)`, yield being a yielder<T>&, from the first begin() on.
    /// Throws std::system_error when there is no memory for a stack. Allocates: its state.
    template <class Body>
        requires(std::is_invocable_v<std::decay_t<Body>&, yielder<T>&>)
    explicit generator(WEFT_COROUTINE_FN Body&& body, call_site where = call_site::here())
        : generator(coroutine_options{.name = "generator"}, std::forward<Body>(body), where) {}

    template <class Body>
    generator(coroutine_options const& options, WEFT_COROUTINE_FN Body&& body, call_site where = call_site::here())
        : state_(std::make_unique<detail::generator_state>()) {
        state_->body = coroutine(
            options,
            [state = state_.get(), f = std::forward<Body>(body)]() mutable {
                yielder<T> yield(*state);
                f(yield);
            },
            where);
    }

    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using difference_type = std::ptrdiff_t;
        using value_type = std::remove_cvref_t<T>;

        iterator() = default;
        explicit iterator(generator& from) : from_(&from) {}
        [[nodiscard]] reference operator*() const {
            using pointee = std::remove_reference_t<T>;
            return static_cast<reference>(*static_cast<pointee*>(const_cast<void*>(from_->state_->value)));
        }
        iterator& operator++() {
            from_->advance();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(iterator const& i, std::default_sentinel_t) { return i.at_end(); }

    private:
        [[nodiscard]] bool at_end() const { return from_->ended_; }

        generator* from_ = nullptr;
    };

    /// Runs the body to its first value, the first time. Throws what the body throws.
    [[nodiscard]] iterator begin() {
        if (!begun_) {
            begun_ = true;
            advance();
        }
        return iterator(*this);
    }
    [[nodiscard]] std::default_sentinel_t end() const { return {}; }

private:
    friend class yielder<T>;

    void advance(call_site where = call_site("weft::generator", 0)) {
        ended_ = true;  // also when it throws
        ended_ = state_ == nullptr || !state_->advance(where);
    }

    std::unique_ptr<detail::generator_state> state_;
    bool begun_ = false;
    bool ended_ = false;
};

template <class T>
void yielder<T>::all(generator<T> inner, call_site where) {
    if (inner.state_ != nullptr && !inner.ended_) {
        state_->delegate(*inner.state_, where);
    }
}

}  // namespace weft
