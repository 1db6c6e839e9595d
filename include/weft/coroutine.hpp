// Floor: coroutine
//
// A coroutine is a function with a stack of its own, that can stop in the middle and be continued:
//
//     weft::coroutine co([&] { step_one(); weft::yield(); step_two(); });
//     co.enter();          // runs step_one, comes back at the yield
//     co.enter();          // runs step_two; co.done() is now true
//
// yield() goes back to whoever entered; a coroutine may enter another. What the body throws comes out of enter().
// Destroying a suspended coroutine unwinds its stack, so that destructors run.
//
// suspend(f) is the one way to wait for something outside. f(handle) runs after the coroutine is parked, on the
// enterer's stack, so that a wake-up from another thread can't come too early:
//
//     weft::suspend([&](weft::handle h) { device.on_done([h = std::move(h)]() mutable { h.wake(); }); });
//
// If f returns a function that takes back what it has begun, the wait can be cancelled and have a deadline.
//
// With gcc, a file in which one function alone is compiled for AVX-512, by an attribute, and enters or suspends, defines
// WEFT_SWITCH_OUT_OF_LINE before it includes weft (docs/platforms.md).
//
// Misuse is a bug in the caller. It is found in every build, and ends the program with a message that names the
// coroutine and both places:
//
//     weft: server.cpp:52: coroutine "reader" (id 17, created at server.cpp:30) entered while it is already running; it was entered at server.cpp:41

#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <weft/call_site.hpp>
#include <weft/detail/coroutine/executor.hpp>
#include <weft/detail/coroutine/park.hpp>
#include <weft/detail/coroutine/switch.hpp>
#include <weft/marks.hpp>
#include <weft/stack.hpp>

namespace weft {

/// suspended, running (one that has entered another is), waiting, queued on its loop, done.
using coroutine_state = detail::state;

struct coroutine_options {
    std::string_view name = {};                   ///< For messages and debuggers; 31 bytes of it are kept.
    std::size_t stack_size = default_stack_size;  ///< Address space in bytes, guard included.
    bool measure_stack = false;                   ///< For stack_high_water(): costs a system call, and page faults.

    /// The floating-point control words (rounding mode, exception masks) belong to the coroutine: they start as the
    /// creator's, go with it from thread to thread, and its enterer does not see them. Without this, all coroutines
    /// of a thread share those that were set last. Makes each enter several times slower
    /// (docs/decisions/0007-fpu-control-words.md).
    bool keep_fpu_control = false;
};

/// What is thrown at the suspension point of a coroutine that is destroyed while suspended. Not a std::exception: a
/// `catch (...)` that catches it should rethrow it. Where one does not, as in the standard library's streams, it is
/// thrown again at the next suspension.
class unwinding {
public:
    unwinding(unwinding const&) = default;
    unwinding& operator=(unwinding const&) = default;
    ~unwinding();

private:
    friend void detail::throw_unwinding();
    unwinding() = default;
};

namespace detail {

control_block& create(std::size_t stack_size, std::string_view name, call_site where);
void release(control_block& co) noexcept;
/// How many control blocks each thread keeps on their stacks for coroutines to come, when others have ended: so many more.
void keep_more_spares(std::int64_t more) noexcept;
void destroy(control_block& co, call_site where) noexcept;
void destroy_locals(control_block& self) noexcept;
/// The function given to suspend() threw: by now the coroutine may have been woken and have ended, or it may wait for
/// ever. Called from the catch block.
[[noreturn]] void die_of_throwing_while_parked() noexcept;
void forget_use(control_block& co);  ///< Forgets what its stack was used for before it was made.
/// Gives it FPU control words of its own, which start as the caller's. Called before it is first entered.
void keep_fpu_control(control_block& co);

[[noreturn]] void die_of_ending_with_locks(control_block const& self) noexcept;

/// The last switch of a coroutine.
[[noreturn, gnu::always_inline]] WEFT_COROUTINE_FN inline void finish(control_block& self) noexcept {
#if defined(WEFT_CHECK_MUTEXES)
    // Nobody else can unlock what it holds, and the next coroutine on this stack would pass for the holder.
    if (self.locks_held != 0) [[unlikely]] {
        die_of_ending_with_locks(self);
    }
#endif
    WEFT_TRACE1(terminate, &self);
    self.transition(state::suspended, state::done);
    self.sanitizer.before_leave(true);
    thread_state& thread = this_thread();
    put_enterer_back(self, thread);
    context::switch_to(self.saved, thread.enterer, thread.enterer.stack_pointer, finished);
    __builtin_unreachable();
}

/// The first frame of each coroutine.
template <class Body>
WEFT_COROUTINE_FN void run_body(void* base, std::uintptr_t order) {
    auto& self = *static_cast<control_block*>(base);
    self.sanitizer.arrived();
    auto* body = static_cast<Body*>(self.body);
    if (order == go_on) {
        try {
            (*body)();
        } catch (unwinding const&) {
            // destroy() waits for this.
        } catch (...) {
            self.failure = caught_in(self);
        }
    }
    std::destroy_at(body);
    if (self.locals != nullptr) [[unlikely]] {
        destroy_locals(self);
    }
    finish(self);
}

/// A new coroutine, its body moved onto its stack; and above that, `maker_data` bytes for whoever makes it, that stay when the
/// body has ended.
template <class Body>
control_block& make_coroutine(coroutine_options const& options, WEFT_COROUTINE_FN Body&& body, call_site where,
                              std::size_t maker_data = 0, std::size_t maker_alignment = 1) {
    using Stored = std::decay_t<Body>;
    static_assert(std::is_invocable_v<Stored&>, "a coroutine's body is called without arguments");
    static_assert(sizeof(Stored) <= 8192, "the body is kept on the stack: let it capture large things by pointer");
    control_block& co = create(options.stack_size, options.name, where);
    if (options.measure_stack) [[unlikely]] {
        forget_use(co);
    }
    constexpr std::uintptr_t alignment = alignof(Stored) < 64 ? 64 : alignof(Stored);
    auto maker_spot = (reinterpret_cast<std::uintptr_t>(&co) - maker_data) & ~(maker_alignment - 1);
    co.maker_data = reinterpret_cast<void*>(maker_spot);
    auto spot = (maker_spot - sizeof(Stored)) & ~(alignment - 1);
    try {
        co.body = ::new (reinterpret_cast<void*>(spot)) Stored(std::forward<Body>(body));
    } catch (...) {
        co.transition(state::suspended, state::done);
        release(co);
        throw;
    }
    context::make(co.saved, co.base, co.body, &run_body<Stored>);
    co.companion.begin(co.saved);
    if (options.keep_fpu_control) [[unlikely]] {
        keep_fpu_control(co);
    }
    return co;
}

}  // namespace detail

class handle;
class coroutine_view;

namespace detail {

/// Who makes what users are given.
struct coroutine_access {
    [[nodiscard]] static handle handle_of(control_block& co);
    [[nodiscard]] static coroutine_view view_of(control_block& co);
};

}  // namespace detail

/// Wakes one suspended coroutine, once. Given out by suspend().
class handle {
public:
    handle() = default;
    handle(handle&& other) noexcept : waiting_(std::exchange(other.waiting_, nullptr)), woken_at_(other.woken_at_) {}
    /// What was here before is destroyed.
    handle& operator=(handle&& other) noexcept {
        handle moved(std::move(other));
        std::swap(waiting_, moved.waiting_);
        std::swap(woken_at_, moved.woken_at_);
        return *this;
    }

    /// Ends the program with a message if the coroutine still waits, since nobody could wake it any more; but not
    /// while its wait is being taken back (see suspend()), while an exception is propagating, or, for a static object
    /// made before the first coroutine, in exit().
    ~handle() {
        if (waiting_ != nullptr) [[unlikely]] {
            dropped(*waiting_);
        }
    }

    /// Whether there is a coroutine left to wake.
    explicit operator bool() const { return waiting_ != nullptr; }

    /// Lets the coroutine go on: in its loop's next turn, or, where it was entered by hand on a thread without a loop,
    /// when it is next entered. Ends the program with a message, which names the first place, if it was woken before.
    /// Threads: any. Suspends: no. Allocates: no.
    void wake(call_site where = call_site::here()) {
        if (waiting_ == nullptr) [[unlikely]] {
            woken_empty(woken_at_, where);
        }
        woken_at_ = where;  // before the wake-up: the handle may be gone after it
        detail::wake(*std::exchange(waiting_, nullptr), where);
    }

private:
    friend struct detail::coroutine_access;
    explicit handle(detail::control_block& waiting) : waiting_(&waiting) {}

    [[noreturn]] static void woken_empty(call_site before, call_site where);
    static void dropped(detail::control_block const& waiting) noexcept;

    detail::control_block* waiting_ = nullptr;
    call_site woken_at_;
};

/// Owns one coroutine: moves, does not copy. May be moved while the coroutine runs, as a vector does that grows.
class coroutine {
public:
    coroutine() = default;

    /// A coroutine that will run `body()`. It starts with the first enter(). `body` is moved onto the new stack.
    /// Throws std::system_error when there is no memory for a stack (see stack.hpp), and what moving the body throws.
    template <class Body>
        requires(!std::is_same_v<std::decay_t<Body>, coroutine>)
    [[nodiscard]] explicit coroutine(WEFT_COROUTINE_FN Body&& body, call_site where = call_site::here())
        : coroutine(coroutine_options{}, std::forward<Body>(body), where) {}

    template <class Body>
    [[nodiscard]] coroutine(coroutine_options const& options, WEFT_COROUTINE_FN Body&& body,
                            call_site where = call_site::here())
        : block_(&detail::make_coroutine(options, std::forward<Body>(body), where)) {}

    coroutine(coroutine&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    /// What was here before is destroyed.
    coroutine& operator=(coroutine&& other) noexcept {
        coroutine moved(std::move(other));
        std::swap(block_, moved.block_);
        return *this;
    }

    /// A suspended coroutine is unwound: its destructors run, now, on its stack. Ends the program with a message if the
    /// coroutine is running, waits for a wake-up or is queued; if it is suspended in a destructor or another noexcept
    /// function, which the unwinding can't leave; and if it throws anything else while it is unwound.
    ~coroutine() {
        if (block_ == nullptr) {
            return;
        }
        if (done()) [[likely]] {
            detail::release(*block_);
        } else {
            detail::destroy(*block_, call_site{"~coroutine", 0});
        }
    }

    /// Runs the coroutine until it yields, waits or ends. Throws what its body threw. Ends the program with a message
    /// unless the coroutine is suspended.
    /// Threads: any, one at a time; not only the one that created it. Suspends: no. Allocates: no.
    [[gnu::always_inline]] void enter(call_site where = call_site::here()) {
        // Not read again: the coroutine may move what owns it while it runs.
        detail::control_block* block = block_;
        if (block == nullptr) [[unlikely]] {
            entered_empty(where);
        }
        std::uintptr_t result = detail::enter(*block, where);
        if (result != detail::yielded && (result != detail::finished || !detail::ended_well(*block))) [[unlikely]] {
            after_leave(*block, result);
        }
    }

    /// Whether the body has ended.
    [[nodiscard]] bool done() const { return block_ != nullptr && block_->current_state() == detail::state::done; }

    /// Its present state; `done` for an empty object. While another thread runs the coroutine, the answer may be out
    /// of date.
    [[nodiscard]] coroutine_state state() const {
        return block_ == nullptr ? coroutine_state::done : block_->current_state();
    }

    /// Whether this owns a coroutine: false after a move.
    explicit operator bool() const { return block_ != nullptr; }

    /// Unique in this process, from 1. 0 where there is none.
    [[nodiscard]] std::uint64_t id() const { return block_ == nullptr ? 0 : block_->id; }
    [[nodiscard]] std::string_view name() const { return block_ == nullptr ? std::string_view() : block_->name; }

    /// The most bytes of its stack that it has used so far, in whole pages, weft's own included. Without
    /// coroutine_options::measure_stack this includes what earlier coroutines used of the same stack. 0 for an empty
    /// object.
    /// Threads: any. Suspends: no. Allocates: no.
    [[nodiscard]] std::size_t stack_high_water() const noexcept {
        return block_ == nullptr ? 0 : used_bytes(block_->frames());
    }

private:
    [[noreturn]] static void entered_empty(call_site where);
    static void after_leave(detail::control_block& block, std::uintptr_t result);

    detail::control_block* block_ = nullptr;
};

/// Suspends the calling coroutine until it is entered again.
///
/// Returns to whoever entered it. If that is a loop, it runs the coroutine again after the others that are ready.
/// Ends the program with a message if called outside a coroutine.
/// Threads: the coroutine's own. Suspends: yes. Allocates: no.
[[gnu::always_inline]] WEFT_COROUTINE_FN inline void yield(call_site where = call_site::here()) {
    detail::thread_state& thread = detail::this_thread();
    detail::control_block* self = thread.current;
    if (self == nullptr) [[unlikely]] {
        (void)detail::current_or_die("yield", where);
    }
    if (self == thread.run_by_loop && detail::leave_for_next(*self, where)) {
        return;
    }
    detail::leave(*self, thread, detail::yielded, where);
}

namespace detail {

/// The wait of a suspend() that can be ended early.
struct revocable_wait : park_action, interruptible_wait {
    revocable_wait();

    bool (*take_back)(revocable_wait&) = nullptr;
    control_block* waiting = nullptr;
    bool taken_back = false;
};
/// From now on it can. On the coroutine's loop, once it is parked.
void can_be_taken_back(revocable_wait& wait, control_block& parked);
/// Parks the calling coroutine; throws std::system_error if the wait ends early.
WEFT_COROUTINE_FN void park_revocably(control_block& self, revocable_wait& wait, call_site where);

}  // namespace detail

/// Parks the calling coroutine, then calls `f(handle)` on the enterer's stack; comes back when handle.wake() was called.
///
/// An exception that leaves `f` ends the program with a message. After the wake-up `f` must not use anything that
/// lies on the coroutine's stack, its own captures included: the coroutine may be running by then. A handle that is
/// destroyed before it woke the coroutine ends the program with a message. Ends the program with a message if called
/// outside a coroutine.
///
/// If `f` returns nothing, only handle.wake() ends the wait. It may instead return a function that takes back what it
/// has begun; that is called on the coroutine's loop when the task is cancelled or a limit is met. If it returns
/// true, the handle has been destroyed, and suspend() throws std::system_error (operation_canceled, timed_out). If it
/// returns false, because it came too late, the wake-up ends the wait. An exception that leaves it ends the program
/// with a message.
///
///     weft::suspend([&](weft::handle h) {
///         auto id = device.start([h = std::move(h)]() mutable { h.wake(); });
///         return [&device, id] { return device.cancel(id); };
///     });
///
/// The waits of a coroutine that no loop runs can't be cancelled, and that function is not called.
/// Threads: the coroutine's own. Suspends: yes. Allocates: no.
template <class F>
    requires(std::is_invocable_v<F, handle>)
WEFT_COROUTINE_FN void suspend(F&& f, call_site where = call_site::here()) {
    using how = std::invoke_result_t<F, handle>;
    detail::control_block& self = detail::current_or_die("suspend", where);
    if constexpr (std::is_void_v<how>) {
        struct action : detail::park_action {
            std::remove_reference_t<F>* f;
        } parked;
        parked.f = std::addressof(f);
        parked.run = [](detail::park_action& a, detail::control_block& co) {
            try {
                std::forward<F> (*static_cast<action&>(a).f)(detail::coroutine_access::handle_of(co));
            } catch (...) {
                detail::die_of_throwing_while_parked();
            }
        };
        detail::park(self, nullptr, nullptr, where, &parked);
    } else {
        static_assert(std::is_invocable_r_v<bool, how&>,
                      "what is given to suspend() returns nothing, or a function: how to take back what it has begun");
        struct action : detail::revocable_wait {
            std::remove_reference_t<F>* f;
            std::optional<how> back;
        } parked;
        parked.f = std::addressof(f);
        parked.take_back = [](detail::revocable_wait& w) -> bool { return (*static_cast<action&>(w).back)(); };
        parked.run = [](detail::park_action& a, detail::control_block& co) {
            bool on_a_loop = co.home != nullptr;  // then the coroutine goes on only after this
            try {
                how back = std::forward<F>(*static_cast<action&>(a).f)(detail::coroutine_access::handle_of(co));
                if (on_a_loop) {
                    static_cast<action&>(a).back.emplace(std::move(back));
                }
            } catch (...) {
                detail::die_of_throwing_while_parked();
            }
            if (on_a_loop) {
                detail::can_be_taken_back(static_cast<action&>(a), co);
            }
        };
        detail::park_revocably(self, parked, where);
    }
}

/// Whether the caller runs inside a coroutine.
[[nodiscard]] WEFT_IN_COROUTINE inline bool in_coroutine() {
    return detail::this_thread().current != nullptr;
}

/// A coroutine as seen from inside; see self(). Valid as long as the coroutine exists.
class coroutine_view {
public:
    [[nodiscard]] std::uint64_t id() const { return block_->id; }
    [[nodiscard]] std::string_view name() const { return block_->name; }
    /// 31 bytes of it are kept.
    void set_name(std::string_view name);
    /// See coroutine::stack_high_water().
    [[nodiscard]] std::size_t stack_high_water() const noexcept { return used_bytes(block_->frames()); }

    friend bool operator==(coroutine_view, coroutine_view) = default;

private:
    friend struct detail::coroutine_access;
    explicit coroutine_view(detail::control_block& block) : block_(&block) {}

    detail::control_block* block_;
};

namespace detail {

inline handle coroutine_access::handle_of(control_block& co) {
    return handle(co);
}
inline coroutine_view coroutine_access::view_of(control_block& co) {
    return coroutine_view(co);
}

}  // namespace detail

/// The calling coroutine. Ends the program with a message if called outside one.
[[nodiscard]] inline coroutine_view self(call_site where = call_site::here()) {
    return detail::coroutine_access::view_of(detail::current_or_die("self", where));
}

/// How many coroutines there are in this process: created and not yet destroyed. Walks all stacks that were ever in
/// use: for statistics, not for each request.
/// Threads: any; while others create and destroy coroutines, the count is that of some moment during the call.
[[nodiscard]] std::uint64_t coroutine_count() noexcept;

}  // namespace weft
