// Floor: loop
//
// weft and GLib in one thread; for programs that link glib-2.0.
//
// In a program that GLib runs, GTK's for instance, tasks go on among its sources:
//
//     weft::adapter::loop_in_glib tasks;                       // the thread's weft loop is a source from here on
//     weft::task<void> work = weft::spawn([] { ... });
//     g_main_loop_run(main);
//
// In a program that weft runs, GLib's sources are dispatched among the tasks:
//
//     weft::loop here(std::make_unique<weft::adapter::glib_reactor>());
//     weft::run([] { ... });
//
// Either way a GLib callback runs outside coroutines, on the thread's own stack: it may wake and spawn, and should not wait.
// A task waits for one with await_callback().

#pragma once

#include <glib-unix.h>

#include <algorithm>
#include <memory>
#include <weft/adapter/shared_reactor.hpp>
#include <weft/loop.hpp>

namespace weft::adapter {

namespace detail {

struct unref_source {
    void operator()(GSource* source) const {
        g_source_destroy(source);
        g_source_unref(source);
    }
};
using source_owner = std::unique_ptr<GSource, unref_source>;

}  // namespace detail

/// During its lifetime the calling thread's weft loop runs as a source of that context (nullptr: the default one),
/// which this thread has to iterate.
/// Throws what loop::descriptor() throws.
/// Threads: the one that made it.
class loop_in_glib {
public:
    explicit loop_in_glib(GMainContext* context = nullptr, int priority = G_PRIORITY_DEFAULT)
        : source_(g_unix_fd_source_new(loop::current().descriptor(), G_IO_IN)) {
        g_source_set_priority(source_.get(), priority);
        g_source_set_callback(source_.get(), G_SOURCE_FUNC(&turn), &loop::current(), nullptr);
        g_source_attach(source_.get(), context);
    }

private:
    static gboolean turn(gint, GIOCondition, gpointer here) {
        static_cast<loop*>(here)->run_once(false);
        return G_SOURCE_CONTINUE;
    }

    detail::source_owner source_;
};

/// The reactor for a weft loop whose turns dispatch the sources of that context (nullptr: the default one). Timers are as
/// exact as GLib's poll: a millisecond. Throws what make_reactor() and shared_reactor() throw.
class glib_reactor final : public shared_reactor {
public:
    explicit glib_reactor(GMainContext* context = nullptr, std::unique_ptr<reactor> own = make_reactor())
        : shared_reactor(std::move(own)), context_(context), source_(g_source_new(&functions, sizeof(source))) {
        g_source_add_unix_fd(source_.get(), shared_reactor::own().descriptor(), G_IO_IN);
        g_source_attach(source_.get(), context);
    }

    [[nodiscard]] std::string_view name() const override { return "glib"; }

private:
    /// Its only use is that it ends GLib's wait. (A ready time would do so too early: to set one wakes the context.)
    struct source {
        GSource base;
        gint timeout;  ///< Milliseconds; -1: none.
    };
    static gboolean prepare(GSource* me, gint* timeout) {
        *timeout = reinterpret_cast<source*>(me)->timeout;
        return FALSE;
    }
    static gboolean dispatch(GSource*, GSourceFunc, gpointer) { return G_SOURCE_CONTINUE; }
    static inline GSourceFuncs functions{&prepare, nullptr, &dispatch, nullptr, nullptr, nullptr};

    void turn(std::optional<std::chrono::nanoseconds> timeout) override {
        auto longest = std::chrono::milliseconds(G_MAXINT);
        reinterpret_cast<source*>(source_.get())->timeout =
            timeout ? static_cast<gint>(std::min(in_milliseconds(*timeout), longest).count()) : -1;
        bool wait = !timeout || timeout->count() > 0;
        g_main_context_iteration(context_, wait ? TRUE : FALSE);
    }

    GMainContext* context_;
    detail::source_owner source_;
};

}  // namespace weft::adapter
