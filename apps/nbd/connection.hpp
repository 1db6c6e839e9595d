// One client's connection: requests are read in order, each is handled in a coroutine of its own, and answered when it is
// done.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include <weft/semaphore.hpp>
#include <weft/socket.hpp>
#include <weft/task.hpp>

#include "buffers.hpp"
#include "image.hpp"
#include "input.hpp"
#include "negotiation.hpp"
#include "outbox.hpp"
#include "statistics.hpp"

namespace nbd {

class connection {
public:
    connection(weft::stream stream, std::string who, std::vector<image>& images, buffer_pool& buffers,
               statistics& counts, std::int64_t max_in_flight);

    /// Serves the client until it leaves, makes a mistake that ends the connection, or the calling task is cancelled.
    /// What was begun is finished and answered. Suspends.
    void serve();

    /// Ends the connection at once: what is under way fails.
    void cut() noexcept { stream_.shutdown(); }

private:
    void serve_requests();
    bool serve_next_request();
    WEFT_COROUTINE_FN void handle(request const& r, buffer payload);
    std::error_code carry_out(request const& r, buffer const& payload);
    WEFT_COROUTINE_FN void reply(request const& r, error e, std::span<std::byte const> data = {});
    void complain(std::string const& what) const;
    [[nodiscard]] std::string describe(request const& r) const;

    weft::stream stream_;
    std::string who_;
    std::vector<image>& images_;
    buffer_pool& buffers_;
    statistics& counts_;
    input in_{stream_};
    outbox out_{stream_};
    image* image_ = nullptr;
    bool structured_replies_ = false;
    weft::semaphore in_flight_;
    weft::semaphore memory_;  ///< In bytes: what reads and writes that are under way may take together.
    weft::scope requests_;
};

}  // namespace nbd
