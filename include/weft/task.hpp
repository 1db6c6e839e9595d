// Floor 5: task
//
// Tasks: coroutines that a loop runs. run(body) is the whole set-up:
//
//     int main() {
//         return weft::run([] {
//             weft::task<int> answer = weft::spawn([] { weft::sleep_for(1s); return 42; });
//             return answer.join();
//         });
//     }
//
// A scope owns what it spawned and leaves no coroutine behind:
//
//     weft::scope requests;
//     while (auto request = connection.read_request()) {
//         requests.spawn([&, request] { connection.reply(serve(request)); });
//     }
//     requests.join();               // throws the first exception that left one of them
//
// Cancelling a task ends its wait, and each that it begins later, with std::errc::operation_canceled. An operation in the
// kernel is taken back before the wait ends; bytes that had arrived are delivered.
//
// Everything here belongs to one loop: call it on the thread of that loop, unless it says otherwise.

#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <weft/loop.hpp>

namespace weft {

class scope;

namespace detail {

/// What a task's owner and its coroutine share. It lies on the coroutine's stack, and stays there after the body has
/// ended, until the owner lets go.
struct task_state {
    control_block* block = nullptr;
    control_block* joiner = nullptr;  ///< Who waits for the end.
    bool* joiner_outside = nullptr;   ///< The same, outside coroutines.
    bool ended = false;
    bool owned = true;
    scope* owner = nullptr;
    task_state* previous = nullptr;  ///< Among the tasks of the loop, or of the scope.
    task_state* next = nullptr;
    std::exception_ptr failure;
    void (*destroy_result)(task_state&) noexcept = nullptr;
};

/// The tasks of a thread's loop that no scope owns.
struct task_list {
    task_state* first = nullptr;
    bool* none_left = nullptr;  ///< Set when the last one has gone.
    void add(task_state& t) noexcept;
    void remove(task_state& t) noexcept;
};
task_list& tasks_of_this_thread();

void start(task_state& t, scope* owner);
void wait_for_end(task_state& t, place where);
void let_go(task_state& t) noexcept;
void detach(task_state& t) noexcept;
void at_end_of_task(control_block& co);

template <class T>
struct result_slot {
    alignas(T) unsigned char bytes[sizeof(T)];
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

template <class T>
struct task_result : task_state {
    result_slot<T> slot;
};

/// The coroutine's body. Destroyed by the coroutine when it has run; the result stays behind it.
template <class T, class F>
struct task_body {
    explicit task_body(F&& f) : body(std::forward<F>(f)) {}

    void operator()() {
        try {
            result->slot.fill(body);
            if constexpr (std::is_object_v<T> && !std::is_trivially_destructible_v<T>) {
                result->destroy_result = [](task_state& t) noexcept {
                    std::destroy_at(&static_cast<task_result<T>&>(t).slot.get());
                };
            }
        } catch (unwinding const&) {
            throw;
        } catch (...) {
            result->failure = std::current_exception();
        }
    }

    std::decay_t<F> body;
    task_result<T>* result = nullptr;
};

/// A new task, with its state between the control block and the body.
template <class F>
auto& make_task(coroutine_options const& options, F&& f, scope* owner, place where) {
    using T = std::invoke_result_t<std::decay_t<F>&>;
    using Body = task_body<T, F>;
    control_block& co =
        make_coroutine(options, Body(std::forward<F>(f)), where, sizeof(task_result<T>), alignof(task_result<T>));
    auto* t = ::new (co.annex) task_result<T>;
    static_cast<Body*>(co.body)->result = t;
    t->block = &co;
    start(*t, owner);
    return *t;
}

}  // namespace detail

/// Owns a task. Moves, does not copy.
template <class T>
class [[nodiscard]] task {
public:
    task() = default;
    explicit task(detail::task_result<T>& state) : state_(&state) {}
    task(task&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    task& operator=(task&& other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }

    /// Cancels and joins a task that is still owned, as std::jthread does. Suspends.
    ~task() {
        if (state_ != nullptr) {
            cancel();
            detail::uninterrupted anyway;
            detail::wait_for_end(*state_, place{"~task", 0});
            detail::let_go(*state_);
        }
    }

    /// Waits for the end; returns what the body returned, or throws what it threw. Once.
    /// Throws std::system_error (operation_canceled) when the caller is cancelled meanwhile; the task runs on then.
    /// Suspends: inside a coroutine; elsewhere it runs the thread's loop.
    WEFT_MIXED_FN T join(place where = place::here()) {
        detail::wait_for_end(*state_, where);
        struct owner {
            detail::task_result<T>* state;
            ~owner() { detail::let_go(*state); }
        } last{std::exchange(state_, nullptr)};
        if (last.state->failure) {
            std::rethrow_exception(last.state->failure);
        }
        if constexpr (std::is_void_v<T>) {
            return;
        } else if constexpr (std::is_reference_v<T>) {
            return last.state->slot.get();
        } else {
            return std::move(last.state->slot.get());
        }
    }

    /// Asks the task to end, if there still is one: its waits, the present one and those to come, end with operation_canceled.
    void cancel() noexcept {
        if (state_ != nullptr && !state_->ended) {
            detail::interrupt(*state_->block, detail::stop_reason::cancelled);
        }
    }

    /// Lets the task run on without an owner; it is cancelled when run() ends. What it throws ends the program.
    void detach() { detail::detach(*std::exchange(state_, nullptr)); }

    [[nodiscard]] bool done() const { return state_ == nullptr || state_->ended; }
    explicit operator bool() const { return state_ != nullptr; }

private:
    detail::task_result<T>* state_ = nullptr;
};

/// Starts a task on the calling thread's loop: it runs `f()` from the loop's next turn on.
/// Throws std::system_error when there is no memory for a stack.
/// Suspends: no.
template <class F>
auto spawn(coroutine_options const& options, F&& f, place where = place::here()) {
    using T = std::invoke_result_t<std::decay_t<F>&>;
    return task<T>(detail::make_task(options, std::forward<F>(f), nullptr, where));
}
template <class F>
    requires(!std::is_convertible_v<F, coroutine_options const&>)
auto spawn(F&& f, place where = place::here()) {
    return spawn(coroutine_options{}, std::forward<F>(f), where);
}

/// Owns tasks; leaves none behind. An exception that leaves one of them cancels the others.
class scope {
public:
    scope() = default;
    scope(scope const&) = delete;
    scope& operator=(scope const&) = delete;

    /// Cancels what is left and waits for it. Suspends.
    ~scope();

    /// Starts a task of this scope. What `f` returns is dropped.
    /// Throws std::system_error when there is no memory for a stack. Suspends: no.
    template <class F>
    void spawn(coroutine_options const& options, F&& f, place where = place::here()) {
        detail::make_task(
            options, [body = std::forward<F>(f)]() mutable { (void)body(); }, this, where);
    }
    template <class F>
        requires(!std::is_convertible_v<F, coroutine_options const&>)
    void spawn(F&& f, place where = place::here()) { spawn(coroutine_options{}, std::forward<F>(f), where); }

    /// Waits until all tasks have ended; throws the first exception that left one of them. When the caller is cancelled
    /// meanwhile, cancels them, waits for them all the same, and throws operation_canceled.
    /// Suspends: inside a coroutine; elsewhere it runs the thread's loop.
    WEFT_MIXED_FN void join(place where = place::here());

    /// Asks all tasks to end, and those that are started before the next join().
    void cancel() noexcept;

    /// How many tasks have not ended.
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    friend void detail::start(detail::task_state& t, scope* owner);
    friend void detail::at_end_of_task(detail::control_block& co);

    void add(detail::task_state& t) noexcept;
    void ended(detail::task_state& t) noexcept;
    void wait_for_all(place where);

    detail::task_list tasks_;
    std::size_t size_ = 0;
    detail::control_block* joiner_ = nullptr;
    bool joiner_outside_ = false;
    bool cancelled_ = false;  ///< Since the last join().
    std::exception_ptr failure_;
};

namespace detail {

void cancel_and_join_all_tasks();
void die_if_in_coroutine(char const* what, place where);

}  // namespace detail

/// Runs `body()` as a task on the calling thread's loop, and the loop until it has ended. Then the tasks that are left are
/// cancelled and waited for. Returns what the body returned, or throws what it threw.
/// Threads: any that runs no coroutine; ends the program with a message inside one.
template <class F>
WEFT_NO_COROUTINE_FN auto run(F&& body, place where = place::here()) {
    detail::die_if_in_coroutine("weft::run()", where);
    struct rest {
        ~rest() { detail::cancel_and_join_all_tasks(); }
    } at_end;
    return spawn(coroutine_options{.name = "main"}, std::forward<F>(body), where).join(where);
}

}  // namespace weft
