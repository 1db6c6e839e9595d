// Floor: task
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
// A task may move to another loop's thread, and back:
//
//     weft::move_to(disk_loop);      // from here on it runs there, among the coroutines of that loop
//
// It still belongs to the loop that it was started on: its owner joins and cancels it on that loop's thread, wherever
// it runs. The same holds for every function here that does not say otherwise; a call of join() or cancel() on
// another thread ends the program with a message.

#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>
#include <weft/detail/task/outcome.hpp>
#include <weft/loop.hpp>

namespace weft {

class scope;

namespace when {
template <class Task>
class ended;
}

namespace detail {

template <class T>
class task_awaiter;

struct travel;

/// Who waits for a task's end; one at a time. Called on the thread of the task's loop, once.
struct joiner {
    void (*task_ended)(joiner&) noexcept;
    call_site where = {};
};

/// What a task's owner and its coroutine share. It lies on the coroutine's stack, and stays there after the body has
/// ended, until the owner lets go.
struct task_state {
    control_block* block = nullptr;
    joiner* waiting = nullptr;  ///< Who waits for the end, until it goes on after it.
    bool ended = false;
    bool owned = true;
    scope* owner = nullptr;
    task_state* previous = nullptr;  ///< Among the tasks of the loop, or of the scope.
    task_state* next = nullptr;
    executor* home = nullptr;   ///< The loop that it was started on. All this belongs to that one's thread.
    travel* travels = nullptr;  ///< Once it has been on another.
    std::exception_ptr failure;
    void (*destroy_result)(task_state&) noexcept = nullptr;
};

/// What a weft::task remembers, for messages, of the task that it no longer owns.
struct last_task {
    std::uint64_t id = 0;
    call_site created_at;
    call_site gone_at;
};

/// The tasks that a thread's loop has to wait for before it ends.
struct tasks_of_loop {
    intrusive_list<task_state> unscoped;  ///< Its tasks that no scope owns.
    intrusive_list<travel> guests;        ///< Tasks of other loops that are here.
    std::uint64_t arrivals = 0;           ///< How many tasks were started here, or came here.
    bool* none_left = nullptr;  ///< Set when the last one has ended. While this is not null, new tasks start cancelled.
    void look_whether_none_left() noexcept;
};
tasks_of_loop& tasks_of_this_thread();

void start(task_state& t, scope* owner);
void finish(task_state& t);
void cancel(task_state& t) noexcept;
WEFT_MIXED_FN void wait_for_end(task_state& t, call_site where);
/// Has the joiner told of the end, which has not come yet. Ends the program with a message if there is another one.
void set_joiner(task_state& t, joiner& j);
void let_go(task_state& t) noexcept;
void detach(task_state& t, call_site where = {}) noexcept;
/// For an owner that is destroyed without having joined.
WEFT_MIXED_FN void cancel_and_join(task_state& t) noexcept;
[[noreturn]] void die_of_empty_task(char const* call, last_task const& last, call_site where) noexcept;
[[noreturn]] void die_of_moving_while_joined(task_state const& t, call_site where) noexcept;
void at_end_of_task(control_block& co);

template <class T>
struct task_result : task_state {
    result_slot<T> slot;
};

/// The coroutine's body. Destroyed by the coroutine when it has run; the result stays behind it.
template <class T, class F>
struct task_body {
    explicit task_body(WEFT_COROUTINE_FN F&& f) : body(std::forward<F>(f)) {}

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
            result->failure = caught_in(*result->block);
        }
    }

    WEFT_COROUTINE_FN std::decay_t<F> body;
    task_result<T>* result = nullptr;
};

/// A new task, with its state between the control block and the body.
template <class F>
auto& make_task(coroutine_options const& options, WEFT_COROUTINE_FN F&& f, scope* owner, call_site where) {
    using T = std::invoke_result_t<std::decay_t<F>&>;
    using Body = task_body<T, F>;
    control_block& co =
        make_coroutine(options, Body(std::forward<F>(f)), where, sizeof(task_result<T>), alignof(task_result<T>));
    auto* t = ::new (co.maker_data) task_result<T>;
    static_cast<Body*>(co.body)->result = t;
    t->block = &co;
    start(*t, owner);
    return *t;
}

}  // namespace detail

/// Owns a task. Moves, does not copy.
///
/// One coroutine joins it, once. A second join(), a join() or detach() of an empty object, and a task that joins
/// itself end the program with a message that names the task and both places.
template <class T>
class [[nodiscard]] task {
public:
    task() = default;
    explicit task(detail::task_result<T>& state) : state_(&state) {}
    task(task&& other) noexcept : state_(std::exchange(other.state_, nullptr)), last_(other.last_) {}
    /// Cancels and joins the task that this owned before. Suspends.
    WEFT_MIXED_FN task& operator=(task&& other) noexcept {
        task moved(std::move(other));
        std::swap(state_, moved.state_);
        last_ = moved.last_;
        return *this;
    }

    /// Cancels and joins a task that is still owned, as std::jthread does. An exception of the task other than
    /// operation_canceled would be lost, so it ends the program with a message, unless another exception is
    /// propagating already. Suspends.
    WEFT_MIXED_FN ~task() {
        if (state_ != nullptr) {
            detail::cancel_and_join(*state_);
        }
    }

    /// Waits for the end; returns what the body returned, or throws what it threw. Once.
    /// Throws std::system_error (operation_canceled) when the caller is cancelled meanwhile; the task then keeps
    /// running.
    /// Suspends: inside a coroutine; elsewhere it runs the thread's loop.
    WEFT_MIXED_FN T join(call_site where = call_site::here()) {
        detail::task_result<T>& joined = state("join()", where);
        detail::wait_for_end(joined, where);
        if (state_ != &joined) [[unlikely]] {
            detail::die_of_moving_while_joined(joined, where);
        }
        struct owner {
            detail::task_result<T>* state;
            ~owner() { detail::let_go(*state); }
        } last{forget(where)};
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

    /// Asks the task to end: its present wait and all later ones end with operation_canceled. Does nothing for an
    /// empty object.
    void cancel() noexcept {
        if (state_ != nullptr) {
            detail::cancel(*state_);
        }
    }

    /// Lets the task run without an owner; it is cancelled when run() ends. An exception that leaves it ends the
    /// program with a message, unless the task was cancelled and that is operation_canceled.
    void detach(call_site where = call_site::here()) {
        (void)state("detach()", where);
        detail::detach(*forget(where), where);
    }

    [[nodiscard]] bool done() const { return state_ == nullptr || state_->ended; }
    explicit operator bool() const { return state_ != nullptr; }

private:
    friend class detail::task_awaiter<T>;
    friend class when::ended<task>;

    detail::task_result<T>& state(char const* call, call_site where) const {
        if (state_ == nullptr) [[unlikely]] {
            detail::die_of_empty_task(call, last_, where);
        }
        return *state_;
    }
    detail::task_result<T>* forget(call_site where) {
        last_ = {state_->block->id, state_->block->created_at, where};
        return std::exchange(state_, nullptr);
    }

    detail::task_result<T>* state_ = nullptr;
    detail::last_task last_;
};

/// Starts a task on the calling thread's loop: it runs `f()` from the loop's next turn on.
/// Throws std::system_error when there is no memory for a stack.
/// Suspends: no.
template <class F>
auto spawn(coroutine_options const& options, WEFT_COROUTINE_FN F&& f, call_site where = call_site::here()) {
    using T = std::invoke_result_t<std::decay_t<F>&>;
    return task<T>(detail::make_task(options, std::forward<F>(f), nullptr, where));
}
template <class F>
    requires(!std::is_convertible_v<F, coroutine_options const&>)
auto spawn(WEFT_COROUTINE_FN F&& f, call_site where = call_site::here()) {
    return spawn(coroutine_options{}, std::forward<F>(f), where);
}

/// The calling task continues on the thread of that loop, which has to be run until the task has left it or has
/// ended. Its limits go with it. What it owns stays where it is: a task or a scope is joined on the thread that it
/// was made on. Can't be cancelled: a cancelled task moves too, since it may have to go back in order to clean up.
/// Compilers do not know that this call changes threads, and may keep the address of a thread_local or
/// std::this_thread::get_id() across it; use such values after the call only in another function that is not inlined.
/// Throws std::bad_alloc, at its first move. Ends the program with a message outside a task.
/// Threads: its own. Suspends: yes, unless it is there already. Allocates: once in a task's life.
WEFT_COROUTINE_FN void move_to(loop& target, call_site where = call_site::here());

/// Owns tasks; leaves none behind. An exception that leaves one of them cancels the others, and the scope has failed
/// until the next join(): spawn() throws that exception, stopping() returns true, and the token of get_stop_token()
/// is stopped.
class scope {
public:
    scope() = default;
    scope(scope const&) = delete;
    scope& operator=(scope const&) = delete;

    /// Cancels the tasks that are left and waits for them. An exception other than operation_canceled that a task
    /// threw since the last join(), and that spawn() has not reported, would be lost, so it ends the program with a
    /// message, unless another exception is propagating already. Ends the program with a message while somebody joins
    /// it. Suspends.
    WEFT_MIXED_FN ~scope();

    /// Starts a task of this scope. What `f` returns is dropped. After cancel() it starts cancelled.
    /// Throws what join() would throw if a task has failed since the last join(), and then starts none.
    /// Throws std::system_error when there is no memory for a stack. Suspends: no.
    template <class F>
    void spawn(coroutine_options const& options, WEFT_COROUTINE_FN F&& f, call_site where = call_site::here()) {
        throw_if_failed();
        detail::make_task(
            options, [body = std::forward<F>(f)]() mutable { (void)body(); }, this, where);
    }
    template <class F>
        requires(!std::is_convertible_v<F, coroutine_options const&>)
    void spawn(WEFT_COROUTINE_FN F&& f, call_site where = call_site::here()) {
        spawn(coroutine_options{}, std::forward<F>(f), where);
    }

    /// Waits until all tasks have ended; throws the first exception that left one of them, one that is not
    /// operation_canceled if there is any (for the others see failures()). When the caller is cancelled meanwhile,
    /// cancels them, still waits for them, and throws operation_canceled, unless one of them has thrown something
    /// else. Several coroutines may join at once; all get the same exception. A task that joins its own scope ends
    /// the program with a message.
    /// Suspends: inside a coroutine; elsewhere it runs the thread's loop.
    WEFT_MIXED_FN void join(call_site where = call_site::here());

    /// Asks all tasks to end, and those that are started before the next join().
    void cancel() noexcept;

    /// Whether its tasks are to end: a task has failed, or cancel() was called, since the last join().
    [[nodiscard]] bool stopping() const { return cancelled_; }

    /// A token of the same, until the next join(). It limits the waits of code that works in the scope without being
    /// a task of it:
    ///
    ///     weft::with_limit(clients.get_stop_token(), [&] { client = listener.accept(); });
    ///
    /// Allocates: at the first call after a join().
    [[nodiscard]] std::stop_token get_stop_token();

    /// How many tasks have not ended.
    [[nodiscard]] std::size_t size() const { return size_; }

    /// All exceptions that left tasks before the last join(), in the order in which they were thrown; join() threw
    /// the first that is not operation_canceled, if there is one. Includes what cancelled tasks threw, other than
    /// operation_canceled itself; what spawn() threw because of a failure is not counted again. Valid until the next
    /// join().
    [[nodiscard]] std::span<std::exception_ptr const> failures() const { return failures_of_last_join_; }

private:
    friend void detail::start(detail::task_state& t, scope* owner);
    friend void detail::finish(detail::task_state& t);

    void add(detail::task_state& t) noexcept;
    void ended(detail::task_state& t) noexcept;
    void keep_failure(detail::task_state const& t) noexcept;
    void throw_if_failed();
    struct joining;
    WEFT_MIXED_FN void wait_for_all(joining& me);
    void settle(joining& me) noexcept;

    detail::intrusive_list<detail::task_state> tasks_;
    std::size_t size_ = 0;
    joining* joining_ = nullptr;  ///< Those that join, in order of arrival.
    bool cancelled_ = false;      ///< Since the last join().
    bool told_ = false;           ///< spawn() has thrown the failure.
    std::exception_ptr failure_;  ///< What join() will throw; kept without an allocation, as it must not be lost.
    std::string failed_;          ///< Which task threw it.
    std::stop_source stop_{std::nostopstate};
    std::vector<std::exception_ptr> failures_;
    std::vector<std::exception_ptr> failures_of_last_join_;
};

namespace detail {

void cancel_and_join_all_tasks();
void die_if_in_coroutine(char const* what, call_site where);

/// What run() does before and after the body.
class running {
public:
    running(time_span report_parked_after, call_site where);
    running(running const&) = delete;
    running& operator=(running const&) = delete;
    ~running();
};

}  // namespace detail

struct run_options {
    /// When the loop has been idle for this long and no timer or operation is under way that could wake it, it
    /// reports once on stderr which of its coroutines are parked, for what, and where. They stay parked for ever
    /// unless another thread or a signal handler wakes them. Any duration's max() turns the report off.
    time_span report_parked_after = std::chrono::seconds(1);
};

/// Runs `body()` as a task on the calling thread's loop, and the loop until it has ended. Then the tasks that are left are
/// cancelled and waited for. Returns what the body returned, or throws what it threw.
/// Threads: any whose loop does not run; ends the program with a message inside a coroutine, a posted call or a timer.
template <class F>
WEFT_NO_COROUTINE_FN auto run(run_options const& options, WEFT_COROUTINE_FN F&& body,
                              call_site where = call_site::here()) {
    detail::die_if_in_coroutine("weft::run()", where);
    detail::running until_the_end(options.report_parked_after, where);
    return spawn(coroutine_options{.name = "main"}, std::forward<F>(body), where).join(where);
}
template <class F>
    requires(!std::is_convertible_v<F, run_options const&>)
WEFT_NO_COROUTINE_FN auto run(WEFT_COROUTINE_FN F&& body, call_site where = call_site::here()) {
    return run(run_options{}, std::forward<F>(body), where);
}

}  // namespace weft
