// The other loops, as the tests of the adapters need them: all alike.

#pragma once

#include <functional>
#include <memory>
#include <weft/adapter/asio.hpp>
#include <weft/adapter/glib.hpp>
#include <weft/adapter/libuv.hpp>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

namespace others {

using weft::adapter::asio_reactor;
using weft::adapter::glib_reactor;
using weft::adapter::libuv_reactor;

class glib {
public:
    using inside = weft::adapter::loop_in_glib;

    ~glib() { g_main_context_unref(context_); }

    [[nodiscard]] GMainContext* handle() { return context_; }
    [[nodiscard]] std::unique_ptr<weft::reactor> reactor() { return std::make_unique<glib_reactor>(context_); }

    /// Calls what it has to call; waits for something if there is nothing.
    void turn() { g_main_context_iteration(context_, TRUE); }

    /// Calls `f()` after so many milliseconds.
    void call_after(unsigned milliseconds, std::function<void()> f) {
        GSource* source = g_timeout_source_new(milliseconds);
        g_source_set_callback(
            source,
            [](gpointer call) -> gboolean {
                (*static_cast<std::function<void()>*>(call))();
                return G_SOURCE_REMOVE;
            },
            new std::function<void()>(std::move(f)),
            [](gpointer call) { delete static_cast<std::function<void()>*>(call); });
        g_source_attach(source, context_);
        g_source_unref(source);
    }

private:
    GMainContext* context_ = g_main_context_new();
};

class libuv {
public:
    using inside = weft::adapter::loop_in_libuv;

    libuv() { uv_loop_init(&loop_); }
    ~libuv() {
        uv_run(&loop_, UV_RUN_NOWAIT);
        EXPECT_EQ(uv_loop_close(&loop_), 0) << "handles are left";
    }

    [[nodiscard]] uv_loop_t* handle() { return &loop_; }
    [[nodiscard]] std::unique_ptr<weft::reactor> reactor() { return std::make_unique<libuv_reactor>(&loop_); }
    void turn() { uv_run(&loop_, UV_RUN_ONCE); }

    void call_after(unsigned milliseconds, std::function<void()> f) {
        struct call {
            uv_timer_t timer;
            std::function<void()> f;
        };
        auto* made = new call{{}, std::move(f)};
        uv_timer_init(&loop_, &made->timer);
        made->timer.data = made;
        uv_update_time(&loop_);
        uv_timer_start(
            &made->timer,
            [](uv_timer_t* timer) {
                static_cast<call*>(timer->data)->f();
                uv_close(reinterpret_cast<uv_handle_t*>(timer),
                         [](uv_handle_t* h) { delete static_cast<call*>(h->data); });
            },
            milliseconds, 0);
    }

private:
    uv_loop_t loop_;
};

class asio_context {
public:
    using inside = weft::adapter::loop_in_asio;

    [[nodiscard]] asio::io_context& handle() { return context_; }
    [[nodiscard]] std::unique_ptr<weft::reactor> reactor() { return std::make_unique<asio_reactor>(context_); }
    void turn() {
        context_.restart();
        context_.run_one();
    }

    void call_after(unsigned milliseconds, std::function<void()> f) {
        auto timer = std::make_shared<asio::steady_timer>(context_, std::chrono::milliseconds(milliseconds));
        timer->async_wait([timer, f = std::move(f)](asio::error_code) { f(); });
    }

private:
    asio::io_context context_;
};

}  // namespace others
