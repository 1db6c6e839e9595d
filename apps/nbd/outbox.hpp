// Replies on their way to a client. One coroutine writes at a time: the first to come. It takes along what others leave
// meanwhile, so that replies which become ready together go out in one system call.

#pragma once

#include <span>
#include <vector>
#include <weft/socket.hpp>
#include <weft/wait_queue.hpp>

#include "protocol.hpp"

namespace nbd {

class outbox {
public:
    explicit outbox(weft::stream& to) : to_(to) {}

    /// Returns when the reply was handed to the kernel, or the connection has failed. Suspends.
    WEFT_COROUTINE_FN void send(reply_head const& head, std::span<std::byte const> data = {});

    /// The error that ended the connection's sending, if any.
    [[nodiscard]] std::error_code const& failure() const { return failure_; }

private:
    void write_pending();

    weft::stream& to_;
    bool writing_ = false;
    std::vector<iovec> pending_;
    std::vector<iovec> under_way_;
    std::uint64_t left_ = 0;     ///< Replies that were left here.
    std::uint64_t written_ = 0;  ///< How many of them have gone out.
    weft::wait_queue gone_out_;
    std::error_code failure_;
};

}  // namespace nbd
