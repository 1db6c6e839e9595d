// A world of its own for a loop: a clock that goes on only when everybody waits, and connections and bytes that come when a
// script says so. No descriptor in it is real but the listener's, of which only the number counts.

#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>
#include <weft/reactor.hpp>

namespace simulated {

using clock = std::chrono::steady_clock;

/// What has come to a descriptor, and what has gone out by it.
struct endpoint_state {
    std::deque<int> connections;
    std::string incoming;
    bool ended = false;
    std::string outgoing;
    std::size_t room = SIZE_MAX;  ///< For what goes out.
};

class world {
public:
    /// `what` happens at that time, from the world's beginning on.
    void at(clock::duration when, std::function<void(world&)> what) {
        script_.emplace(clock::time_point(when), std::move(what));
    }

    [[nodiscard]] clock::duration time() const { return now_.time_since_epoch(); }
    endpoint_state& of(int fd) { return descriptors_[fd]; }
    std::vector<int> closed;

private:
    friend class reactor;
    clock::time_point now_{};
    std::multimap<clock::time_point, std::function<void(world&)>> script_;
    std::map<int, endpoint_state> descriptors_;
};

class reactor final : public weft::reactor {
public:
    explicit reactor(world& w) : world_(w) {}

    [[nodiscard]] std::string_view name() const override { return "simulated"; }
    [[nodiscard]] clock::time_point now() const noexcept override { return world_.now_; }

    [[nodiscard]] std::int64_t attempt(weft::operation& op) noexcept override {
        endpoint_state& e = world_.of(op.fd);
        using kind = weft::operation::kind;
        switch (op.what) {
            case kind::accept:
                return e.connections.empty() ? -EAGAIN : take_connection(e);
            case kind::recvmsg:
                return e.incoming.empty() && !e.ended ? -EAGAIN : take_bytes(e, *op.message->msg_iov);
            case kind::sendmsg:
                return e.room == 0 ? -EAGAIN : put_bytes(e, *op.message->msg_iov);
            case kind::call:
                return op.call(op.argument);
            default:
                return -ENOSYS;
        }
    }

    void start(weft::operation& op) noexcept override {
        if (std::int64_t result = attempt(op); result != -EAGAIN) {
            finish(op, result);
        } else {
            waiting_.push_back(&op);
        }
    }

    void cancel(weft::operation& op) noexcept override {
        if (std::erase(waiting_, &op) > 0) {
            finish(op, -ECANCELED);
        }
    }

    /// Time passes only here: to the next thing in the script, or to the end of the wait.
    void poll(std::optional<std::chrono::nanoseconds> timeout) override {
        auto next = world_.script_.begin();
        bool scripted = next != world_.script_.end();
        if (finished_.empty() && scripted && (!timeout || next->first <= world_.now_ + *timeout)) {
            auto what = std::move(next->second);
            world_.now_ = std::max(world_.now_, next->first);
            world_.script_.erase(next);
            what(world_);
            begin_again();
        } else if (finished_.empty() && timeout) {
            world_.now_ += *timeout;
        } else if (finished_.empty()) {
            std::abort();  // all wait, and nothing is left to happen
        }
        for (weft::operation* op : std::exchange(finished_, {})) {
            op->complete(*op);
        }
    }

    [[nodiscard]] bool has_work() const noexcept override { return !finished_.empty(); }
    void notify() noexcept override {}
    void closing(int fd) noexcept override { world_.closed.push_back(fd); }

private:
    static std::int64_t take_connection(endpoint_state& e) {
        int fd = e.connections.front();
        e.connections.pop_front();
        return fd;
    }

    static std::int64_t take_bytes(endpoint_state& e, iovec const& into) {
        std::size_t n = std::min(into.iov_len, e.incoming.size());
        std::memcpy(into.iov_base, e.incoming.data(), n);
        e.incoming.erase(0, n);
        return static_cast<std::int64_t>(n);
    }

    static std::int64_t put_bytes(endpoint_state& e, iovec const& from) {
        std::size_t n = std::min(from.iov_len, e.room);
        e.outgoing.append(static_cast<char const*>(from.iov_base), n);
        e.room -= e.room == SIZE_MAX ? 0 : n;
        return static_cast<std::int64_t>(n);
    }

    void finish(weft::operation& op, std::int64_t result) {
        op.result = result;
        finished_.push_back(&op);
    }

    /// What waits may have what it waits for now.
    void begin_again() {
        for (weft::operation* op : std::exchange(waiting_, {})) {
            start(*op);
        }
    }

    world& world_;
    std::vector<weft::operation*> waiting_;
    std::vector<weft::operation*> finished_;
};

}  // namespace simulated
