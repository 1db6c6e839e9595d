// Floor: loop
//
// weft and Asio in one thread; for programs that have Asio (asio.hpp, without Boost).
//
// In a program that Asio runs, tasks go on among its handlers:
//
//     weft::adapter::loop_in_asio tasks(context);              // the thread's weft loop is part of it from here on
//     weft::task<void> work = weft::spawn([] { ... });
//     context.run();                                           // until context.stop(), or `tasks` is destroyed
//
// In a program that weft runs, Asio's handlers run among the tasks:
//
//     weft::loop here(std::make_unique<weft::adapter::asio_reactor>(context));
//     weft::run([] { ... });
//
// Either way a handler of Asio's runs outside coroutines, on the thread's own stack: it may wake and spawn, and should not
// wait. A task waits for one with await_callback().

#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <weft/adapter/shared_reactor.hpp>
#include <weft/loop.hpp>

namespace weft::adapter {

namespace detail {

/// Calls `turn(argument)` once when a descriptor is readable. The descriptor stays its owner's.
class asio_watch {
public:
    asio_watch(asio::io_context& context, int fd, void (*turn)(void*), void* argument)
        : state_(std::make_shared<state>(asio::posix::stream_descriptor(context, fd), turn, argument)) {}
    asio_watch(asio_watch const&) = delete;
    asio_watch& operator=(asio_watch const&) = delete;
    ~asio_watch() {
        state_->turn = nullptr;
        state_->descriptor.release();
    }

    /// Does nothing if it waits already.
    void wait() {
        if (!std::exchange(state_->waits, true)) {
            state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                          [s = state_](asio::error_code const&) {
                                              s->waits = false;
                                              if (s->turn != nullptr) {
                                                  s->turn(s->argument);
                                              }
                                          });
        }
    }

private:
    struct state {
        state(asio::posix::stream_descriptor d, void (*t)(void*), void* a)
            : descriptor(std::move(d)), turn(t), argument(a) {}
        asio::posix::stream_descriptor descriptor;
        void (*turn)(void*);  ///< nullptr: its owner has gone, and its handler, if there is one, is on its way.
        void* argument;
        bool waits = false;
    };

    std::shared_ptr<state> state_;
};

}  // namespace detail

/// During its lifetime the calling thread's weft loop runs as a part of that context, which this thread, and no other, has to
/// run. Throws what loop::descriptor() throws, and asio::system_error. Threads: the one that made it.
class loop_in_asio {
public:
    explicit loop_in_asio(asio::io_context& context) : watch_(context, loop::current().descriptor(), &turn, this) {
        watch_.wait();
    }

private:
    static void turn(void* me) {
        auto& watch = static_cast<loop_in_asio*>(me)->watch_;
        watch.wait();  // before the turn, in which it may go, and which makes the descriptor unreadable
        loop::current().run_once(false);
    }

    detail::asio_watch watch_;
};

/// The reactor for a weft loop whose turns run the handlers of that context, which nobody else runs.
/// Throws what make_reactor() and shared_reactor() throw, and asio::system_error.
class asio_reactor final : public shared_reactor {
public:
    explicit asio_reactor(asio::io_context& context, std::unique_ptr<reactor> own = make_reactor())
        : shared_reactor(std::move(own)),
          context_(context),
          wake_(
              context, shared_reactor::own().descriptor(), [](void*) {}, nullptr) {}

    [[nodiscard]] std::string_view name() const override { return "asio"; }

private:
    void turn(std::optional<std::chrono::nanoseconds> timeout) override {
        context_.restart();
        wake_.wait();
        if (!timeout) {
            context_.run_one();
        } else if (timeout->count() > 0) {
            // Asio adds it to its clock, which would overflow; the loop comes back after that.
            context_.run_one_for(std::min<std::chrono::nanoseconds>(*timeout, std::chrono::hours(24)));
        }
        context_.poll();
    }

    asio::io_context& context_;
    detail::asio_watch wake_;
};

}  // namespace weft::adapter
