// Floor: task
//
// What came of a call that another thread or another coroutine made: what it returned, or what it threw.

#pragma once

#include <exception>
#include <future>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <weft/coroutine.hpp>

namespace weft::detail {

template <class T>
struct result_slot {
    alignas(T) unsigned char bytes[sizeof(T)];  // NOLINT(bugprone-sizeof-expression): T may be a pointer
    template <class F>
    void fill(F& f) {
        ::new (static_cast<void*>(bytes)) T(f());
    }
    T& get() { return *std::launder(reinterpret_cast<T*>(bytes)); }
};
template <class T>
struct result_slot<T&> {
    T* address;
    template <class F>
    void fill(F& f) {
        address = std::addressof(f());
    }
    T& get() { return *address; }
};
template <>
struct result_slot<void> {
    template <class F>
    void fill(F& f) {
        f();
    }
    void get() {}
};

/// Filled once, fetched at most once. Whoever fetches sees to it that it happens after.
template <class T>
class outcome {
public:
    outcome() = default;
    outcome(outcome const&) = delete;
    outcome& operator=(outcome const&) = delete;
    ~outcome() {
        if constexpr (std::is_object_v<T> && !std::is_trivially_destructible_v<T>) {
            if (kind_ == value) {
                std::destroy_at(&slot_.get());
            }
        }
    }

    /// Keeps what `f()` returns or throws. Ends the program with a message if it ends the thread.
    template <class F>
    void fill(F&& f) {
        try {
            slot_.fill(f);
            kind_ = value;
        } catch (unwinding const&) {
            throw;
        } catch (...) {
            fail(caught_in_call("a call whose result is waited for"));
        }
    }
    void fail(std::exception_ptr why) noexcept {
        failure_ = std::move(why);
        kind_ = failure;
    }

    [[nodiscard]] bool failed() const { return kind_ == failure; }

    /// Returns what came of it, or throws; std::future_error (broken_promise) if nothing did.
    T get() {
        if (kind_ == failure) {
            std::rethrow_exception(std::move(failure_));
        }
        if (kind_ == nothing) {
            throw std::future_error(std::future_errc::broken_promise);
        }
        if constexpr (std::is_object_v<T>) {
            return std::move(slot_.get());
        } else {
            return slot_.get();
        }
    }

private:
    enum : unsigned char { nothing, value, failure } kind_ = nothing;
    std::exception_ptr failure_;
    result_slot<T> slot_;
};

}  // namespace weft::detail
