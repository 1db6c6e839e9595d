// One client's connection: requests are read in order, each is handled in a coroutine of its own, and answered when it is
// done.
//
// The memory for a request's data comes from two places. Each connection has a part of its own, which nobody else can use
// up: so a client waits for nothing but its own requests. Beyond that it takes what it can get, up to a limit, of what all
// share. A request that gets neither is done in pieces, in its own part.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <weft/semaphore.hpp>
#include <weft/socket.hpp>
#include <weft/task.hpp>

#include "buffers.hpp"
#include "input.hpp"
#include "negotiation.hpp"
#include "outbox.hpp"
#include "service.hpp"
#include "share.hpp"

namespace nbd {

class connection {
public:
    /// `counts`: of the calling thread's loop, on which it stays.
    connection(weft::stream stream, std::string who, service& shared, counters& counts);
    connection(connection const&) = delete;
    connection& operator=(connection const&) = delete;
    ~connection();

    /// Serves the client until it leaves, makes a mistake that ends the connection, or the calling task is cancelled.
    /// What was begun is finished and answered. Suspends.
    void serve();

    /// Whether the client came as far as to choose an export.
    [[nodiscard]] bool chose_an_export() const { return image_ != nullptr; }

    /// Ends the connection at once: what is under way fails. Threads: any.
    void cut() noexcept { stream_.shutdown(); }

private:
    /// Memory for the data of a request, and whose it is.
    struct claim {
        share of_mine;
        share of_all;
        buffer memory;
    };

    bool come_to_terms();
    void serve_requests();
    [[nodiscard]] request next_request();
    void begin(request const& r, share slot);
    void drop(request const& r, std::uint64_t size);
    void write_by_pieces(request const& r);
    WEFT_COROUTINE_FN void handle(request const& r, std::span<std::byte const> payload);
    WEFT_COROUTINE_FN void carry_out(request const& r, std::span<std::byte const> payload);
    WEFT_COROUTINE_FN void read(request const& r);
    WEFT_COROUTINE_FN void write(request const& r, std::span<std::byte const> payload);
    WEFT_COROUTINE_FN void flush(request const& r);
    WEFT_COROUTINE_FN void trim(request const& r);
    WEFT_COROUTINE_FN void write_zeroes(request const& r);
    WEFT_COROUTINE_FN void cache(request const& r);
    WEFT_COROUTINE_FN void tell_status(request const& r);
    WEFT_COROUTINE_FN void fetch(request const& r, std::error_code& ec);
    WEFT_COROUTINE_FN void sync_if_asked(request const& r, std::error_code& ec);
    WEFT_COROUTINE_FN void finish(request const& r, std::error_code const& ec);
    WEFT_COROUTINE_FN void refuse(request const& r, refusal const& why);
    template <class What>
    WEFT_COROUTINE_FN void complain_or_pause(What what);

    [[nodiscard]] claim try_to_claim(std::uint64_t size);
    [[nodiscard]] WEFT_COROUTINE_FN claim claim_piece(std::uint64_t size, std::error_code& ec);
    void complain(std::string_view what) noexcept;
    void tell_what_was_left_out();

    weft::stream stream_;
    std::string who_;
    service& shared_;
    counters& counts_;
    input in_{stream_};
    outbox out_{stream_};
    image* image_ = nullptr;
    terms terms_;
    weft::semaphore in_flight_;
    weft::semaphore own_memory_;     ///< In bytes.
    weft::semaphore shared_memory_;  ///< In bytes: what it may still take of shared_.memory.
    line_limit complaints_{10, 1};
    weft::scope requests_;
};

}  // namespace nbd
