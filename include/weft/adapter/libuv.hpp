// Floor: loop
//
// weft and libuv in one thread; for programs that link libuv.
//
// In a program that libuv runs, tasks go on among its handles:
//
//     weft::adapter::loop_in_libuv tasks(uv_default_loop());   // the thread's weft loop is a handle from here on
//     weft::task<void> work = weft::spawn([] { ... });
//     uv_run(uv_default_loop(), UV_RUN_DEFAULT);               // until uv_stop(), or `tasks` is destroyed
//
// In a program that weft runs, libuv's handles are served among the tasks:
//
//     weft::loop here(std::make_unique<weft::adapter::libuv_reactor>(uv_default_loop()));
//     weft::run([] { ... });
//
// Either way a callback of libuv's runs outside coroutines, on the thread's own stack: it may wake and spawn, and must not
// wait, as uv_run() does not nest. A task waits for one with await_callback().

#pragma once

#include <uv.h>

#include <memory>
#include <system_error>
#include <weft/adapter/shared_reactor.hpp>
#include <weft/loop.hpp>

namespace weft::adapter {

namespace detail {

/// A handle of libuv's, which must stay in place until its close is complete, in the loop's next turn.
template <class Handle>
class uv_handle {
public:
    uv_handle() : handle_(new Handle{}) {}
    uv_handle(uv_handle const&) = delete;
    uv_handle& operator=(uv_handle const&) = delete;
    ~uv_handle() {
        uv_close(reinterpret_cast<uv_handle_t*>(handle_), [](uv_handle_t* h) { delete reinterpret_cast<Handle*>(h); });
    }
    [[nodiscard]] Handle* get() const { return handle_; }

private:
    Handle* handle_;
};

/// Calls `f` when a descriptor is readable, until it is destroyed.
class uv_watch {
public:
    uv_watch(uv_loop_t* l, int fd, uv_poll_cb f, void* argument) {
        int error = uv_poll_init(l, handle_.get(), fd);
        error = error != 0 ? error : uv_poll_start(handle_.get(), UV_READABLE, f);
        if (error != 0) {
            throw std::system_error(-error, std::generic_category(), "weft: libuv does not watch a loop");
        }
        handle_.get()->data = argument;
    }

private:
    uv_handle<uv_poll_t> handle_;
};

}  // namespace detail

/// During its lifetime the calling thread's weft loop runs as a handle of that libuv loop, which this thread has to run, and
/// once more after it has gone. Throws std::system_error, and what loop::descriptor() throws.
/// Threads: the one that made it.
class loop_in_libuv {
public:
    explicit loop_in_libuv(uv_loop_t* l) : watch_(l, loop::current().descriptor(), &turn, &loop::current()) {}

private:
    static void turn(uv_poll_t* handle, int, int) { static_cast<loop*>(handle->data)->run_once(false); }

    detail::uv_watch watch_;
};

/// The reactor for a weft loop whose turns serve the handles of that libuv loop; it ends when weft's does, whatever handles
/// there are left. That has to be run once more after it has gone. Timers are as exact as libuv's: a millisecond.
/// Throws what make_reactor() and shared_reactor() throw, and std::system_error.
class libuv_reactor final : public shared_reactor {
public:
    explicit libuv_reactor(uv_loop_t* l, std::unique_ptr<reactor> own = make_reactor())
        : shared_reactor(std::move(own)), loop_(l), wake_(l, shared_reactor::own().descriptor(), &look, nullptr) {
        uv_timer_init(l, timer_.get());
    }

    [[nodiscard]] std::string_view name() const override { return "libuv"; }

private:
    static void look(uv_poll_t*, int, int) {}  // the turn is over then

    void turn(std::optional<std::chrono::nanoseconds> timeout) override {
        bool wait = !timeout || timeout->count() > 0;
        if (wait && timeout) {
            uv_update_time(loop_);
            uv_timer_start(
                timer_.get(), [](uv_timer_t*) {}, static_cast<std::uint64_t>(in_milliseconds(*timeout).count()), 0);
        }
        uv_run(loop_, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
        uv_timer_stop(timer_.get());
    }

    uv_loop_t* loop_;
    detail::uv_watch wake_;
    detail::uv_handle<uv_timer_t> timer_;
};

}  // namespace weft::adapter
