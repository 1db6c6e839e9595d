// Floor: system
//
// What another loop sees of one that it runs: one descriptor, with the reactor's and a timer's behind it.

#pragma once

#include <memory>
#include <weft/time.hpp>

namespace weft::detail {

class outside {
public:
    /// `reactor`: the descriptor of that. Throws std::system_error.
    explicit outside(int reactor);
    outside(outside const&) = delete;
    outside& operator=(outside const&) = delete;
    ~outside();

    [[nodiscard]] int fd() const;
    /// Readable from then on, until the next call that names another moment. max(): never.
    void wake_at(clock::time_point when) noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace weft::detail
