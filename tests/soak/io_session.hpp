// How a client of the I/O soak behaves, whatever it talks of: in what pieces it sends, how patient it is, how it leaves.

#pragma once

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <weft/limit.hpp>
#include <weft/task.hpp>
#include <weft/tcp.hpp>

#include "io.hpp"

namespace soak {

/// How a session is to end; the seed says it.
struct fate {
    enum class kind { in_order, half_closed, closed, reset, limited, cancelled };

    fate() = default;
    explicit fate(random_numbers& random) {
        how = std::max(kind::in_order, static_cast<kind>(static_cast<int>(random.below(9)) - 3));
        if (how == kind::half_closed || how == kind::closed || how == kind::reset) {
            budget = random.below(random.below(2) == 0 ? 100 : 100'000);
        }
        time = std::chrono::microseconds(random.below(10'000));
    }

    kind how = kind::in_order;
    std::size_t budget = std::numeric_limits<std::size_t>::max();  ///< It leaves when it has sent so many bytes;
    std::chrono::microseconds time{0};  ///< or is cancelled, or at its limit, after that time.
};

/// Thrown where a client leaves by its own will.
struct leaving {};

/// The server has ended the connection early.
struct ended_early : std::runtime_error {
    ended_early() : std::runtime_error("the server ended the connection early") {}
};

/// A client's connection.
class line {
public:
    line(weft::endpoint const& to, random_numbers& random, fate const& f)
        : stream_(weft::tcp_stream::connect(to)), sending_(random()), receiving_(random()), fate_(f) {
        static constexpr std::array<std::size_t, 4> sizes{7, 200, 5'000, 100'000};
        piece_ = sizes[random.below(sizes.size())];
        if (random.below(4) == 0) {
            stream_.set_receive_buffer(262144);
        }
        stream_.set_no_delay(random.below(8) != 0);  // without it a piece may wait for an acknowledgement, 40 ms
    }

    /// In pieces. Throws `leaving` when the fate has it so.
    void send(std::span<std::byte const> data) {
        while (!data.empty()) {
            if (fate_.budget == 0) {
                leave();
            }
            std::size_t n = std::min({data.size(), 1 + sending_.below(piece_), fate_.budget});
            stream_.write_all(data.first(n));
            data = data.subspan(n);
            fate_.budget -= n;
            piece_ += 1 + piece_ / 32;  // or a megabyte, seven bytes at a time, would take minutes
            dawdle(sending_);
        }
    }

    /// What is there; 0 at the end.
    std::size_t receive(std::span<std::byte> buffer) {
        dawdle(receiving_);
        return stream_.read(buffer.first(1 + receiving_.below(buffer.size())));
    }

    /// Fills the buffer. Throws ended_early.
    void receive_all(std::span<std::byte> buffer) {
        dawdle(receiving_);
        if (stream_.read_exact(buffer) < buffer.size()) {
            throw ended_early();
        }
    }

    /// Waits for the end, whichever that is.
    void drain() {
        std::array<std::byte, 4096> dropped;
        std::error_code ec;
        while (stream_.read(dropped, ec) > 0) {
        }
    }

    void end_sending() { stream_.shutdown_write(); }

private:
    [[noreturn]] void leave() {
        if (fate_.how == fate::kind::reset) {
            stream_.set_linger(std::chrono::seconds(0));
        } else if (fate_.how == fate::kind::half_closed) {
            end_sending();
        }
        throw leaving();
    }

    static void dawdle(random_numbers& random) {
        if (random.below(64) == 0) {
            weft::sleep_for(std::chrono::microseconds(random.below(2'000)));
        } else if (random.below(8) == 0) {
            weft::yield();
        }
    }

    weft::tcp_stream stream_;
    random_numbers sending_, receiving_;
    fate fate_;
    std::size_t piece_;
};

void talk_to_echo(world& w, std::uint64_t start, fate const& f);
void talk_to_disk(world& w, region& mine, std::uint64_t start, fate const& f);

}  // namespace soak
