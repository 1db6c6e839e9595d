// What all connections of a server share.

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
    explicit service(client_limits const& l)
        : limits(l), buffers(static_cast<std::size_t>(l.max_memory)), memory(l.max_memory, l.max_memory) {}

    client_limits limits;
    std::vector<image> images;
    buffer_pool buffers;
    statistics counts;
    weft::semaphore memory;          ///< In bytes.
    line_limit complaints{100, 10};  ///< Lines about clients.

    /// Logs how many lines about clients were not logged.
    void tell_what_was_left_out() {
        if (complaints.has_left_out()) {
            log("{} about clients left out", counted(complaints.take_left_out(), "line"));
        }
    }
};

}  // namespace nbd
