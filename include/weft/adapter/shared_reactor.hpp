// Floor: loop
//
// What the adapters that let another loop live inside weft's have in common: a reactor that waits in the other loop, which
// watches the descriptor of weft's own reactor as one of many.
//
//     poll() --> own: hands over what was started --> the other loop: one turn --> own: completes what is complete

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <weft/reactor.hpp>

namespace weft::adapter {

class shared_reactor : public reactor {
public:
    [[nodiscard]] std::chrono::steady_clock::time_point now() const noexcept final { return own_->now(); }
    [[nodiscard]] std::int64_t attempt(operation& op) noexcept final { return own_->attempt(op); }
    void start(operation& op) noexcept final { own_->start(op); }
    void cancel(operation& op) noexcept final { own_->cancel(op); }
    void poll(std::optional<std::chrono::nanoseconds> timeout) final {
        own_->hand_over();
        turn(timeout);
        own_->poll(std::chrono::nanoseconds(0));
    }
    [[nodiscard]] bool has_work() const noexcept final { return true; }  // the other loop may have some
    [[nodiscard]] bool has_threads_at_work() const noexcept final { return own_->has_threads_at_work(); }
    void notify() noexcept final { own_->notify(); }
    void closing(int fd) noexcept final { own_->closing(fd); }

protected:
    /// Throws std::system_error (not_supported) if `own` has no descriptor; io_uring and epoll have one.
    explicit shared_reactor(std::unique_ptr<reactor> own) : own_(std::move(own)) {
        if (own_->descriptor() < 0) {
            throw std::system_error(std::make_error_code(std::errc::not_supported),
                                    "weft: the reactor \"" + std::string(own_->name()) +
                                        "\" can't wait in another loop, as it has no descriptor");
        }
    }

    /// One turn of the other loop: calls what it has to call. If there is nothing, waits until there is, or own's descriptor
    /// is readable, or `timeout` is over (none: without end; zero: does not wait).
    virtual void turn(std::optional<std::chrono::nanoseconds> timeout) = 0;

    [[nodiscard]] reactor& own() { return *own_; }

    /// For loops that count milliseconds: rounded up, so that no timer comes too early.
    [[nodiscard]] static std::chrono::milliseconds in_milliseconds(std::chrono::nanoseconds time) {
        return std::chrono::ceil<std::chrono::milliseconds>(time);
    }

private:
    std::unique_ptr<reactor> own_;
};

}  // namespace weft::adapter
