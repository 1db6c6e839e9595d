// A reactor that has nothing but its wake-ups: a loop on it sleeps until notify(), as one sleeps on an eventfd.

#pragma once

#include <weft/reactor.hpp>

#include "model/atomic.hpp"

namespace model {

class reactor final : public weft::reactor {
public:
    [[nodiscard]] std::string_view name() const override { return "model"; }
    void start(weft::operation&) noexcept override { fail("the model has no system to start an operation on"); }
    void cancel(weft::operation&) noexcept override { fail("the model has no operation to cancel"); }
    [[nodiscard]] bool has_work() const noexcept override { return false; }
    void closing(int) noexcept override {}

    void poll(std::optional<std::chrono::nanoseconds> timeout) override {
        if (!notified_.exchange(false) && !timeout) {
            sleep_on(this);
            notified_.exchange(false);
        }
    }
    void notify() noexcept override {
        notified_.exchange(true);
        wake_all(this);
    }

private:
    atomic<bool> notified_{false};
};

}  // namespace model
