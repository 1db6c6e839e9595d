// What all connections of a server share, on whatever loop they are served.

#pragma once

#include <chrono>
#include <cstdint>
#include <vector>
#include <weft/semaphore.hpp>

#include "buffers.hpp"
#include "image.hpp"
#include "line_limit.hpp"
#include "log.hpp"
#include "statistics.hpp"

namespace nbd {

/// What clients may take of the server.
struct client_limits {
    std::chrono::microseconds spin{0};     ///< For how long to look for small requests; see weft::loop::set_spin().
    std::int64_t max_in_flight = 64;       ///< Requests of one connection handled at once.
    std::int64_t max_memory = 256 << 20;   ///< For the data of all connections' requests, beyond a part of their own.
    std::chrono::seconds negotiation{10};  ///< How long a client may take to choose an export.
};

struct service {
    explicit service(client_limits const& l, std::size_t loops = 1)
        : limits(l),
          buffers(static_cast<std::size_t>(l.max_memory)),
          counts(loops),
          memory(l.max_memory, l.max_memory) {}

    client_limits limits;
    std::vector<image> images;
    buffer_pool buffers;
    std::vector<counters> counts;           ///< One for each loop.
    weft::semaphore memory;                 ///< In bytes.
    shared_line_limit complaints{100, 10};  ///< Lines about clients.

    /// Of all loops.
    [[nodiscard]] statistics total() const {
        statistics sum;
        for (counters const& each : counts) {
            each.add_to(sum);
        }
        return sum;
    }

    /// Logs how many lines about clients were not logged.
    void tell_what_was_left_out() {
        if (std::uint64_t lines = complaints.take_left_out(); lines > 0) {
            log("{} about clients left out", counted(lines, "line"));
        }
    }
};

}  // namespace nbd
