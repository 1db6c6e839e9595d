// Floor: coroutine
//
// A variable of which each coroutine has its own, as each thread has of a thread_local:
//
//     weft::coroutine_local<request_id> current_request;      // static, as a rule
//
//     *current_request = 17;                                  // that of the calling coroutine
//     log("{}: {}", current_request->text(), message);
//
// A value is made when it is first used and destroyed when the coroutine ends, on its stack, in reverse order of
// creation. It goes with the coroutine from thread to thread. Outside coroutines each thread has one. A coroutine
// that uses none pays nothing.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>
#include <weft/detail/coroutine/control_block.hpp>
#include <weft/detail/coroutine/thread.hpp>

namespace weft {

namespace detail {

/// One value of one coroutine or thread.
struct local_value {
    explicit local_value(std::uint64_t of) : variable(of) {}
    local_value(local_value const&) = delete;
    local_value& operator=(local_value const&) = delete;
    virtual ~local_value() = default;

    std::uint64_t const variable;  ///< Whose value it is.
    local_value* made_before = nullptr;
};

/// All values of one coroutine or thread.
struct local_values {
    std::vector<local_value*> by_slot;
    local_value* made_last = nullptr;
};

/// A coroutine_local's place in each coroutine's table, which is reused, and its id, which is not.
struct local_variable {
    local_variable();
    local_variable(local_variable const&) = delete;
    local_variable& operator=(local_variable const&) = delete;
    ~local_variable();

    std::size_t slot;
    std::uint64_t id;
};

/// The caller's values; nullptr while there are none.
[[nodiscard]] inline local_values* locals_of_caller() {
    thread_state& thread = this_thread();
    return thread.current != nullptr ? thread.current->locals : thread.locals;
}

/// Puts a value into the caller's.
void add_local(std::size_t slot, std::unique_ptr<local_value> value);

}  // namespace detail

template <class T>
class coroutine_local {
public:
    /// Each value is made by `make()`, or, without it, is T().
    coroutine_local() : make_([] { return T(); }) {}
    explicit coroutine_local(std::function<T()> make) : make_(std::move(make)) {}

    /// The caller's value. The first use makes it, and throws what that throws. Threads: any. Suspends: no.
    [[nodiscard]] T& get() const {
        detail::local_values const* values = detail::locals_of_caller();
        if (values != nullptr && variable_.slot < values->by_slot.size()) {
            detail::local_value* found = values->by_slot[variable_.slot];
            if (found != nullptr && found->variable == variable_.id) {
                return static_cast<holder*>(found)->value;
            }
        }
        auto made = std::make_unique<holder>(variable_.id, make_);
        T& value = made->value;
        detail::add_local(variable_.slot, std::move(made));
        return value;
    }
    [[nodiscard]] T& operator*() const { return get(); }
    [[nodiscard]] T* operator->() const { return std::addressof(get()); }

private:
    struct holder final : detail::local_value {
        holder(std::uint64_t of, std::function<T()> const& make) : local_value(of), value(make()) {}
        T value;
    };

    detail::local_variable variable_;
    std::function<T()> make_;
};

}  // namespace weft
