// Replies on their way to a client. One coroutine writes at a time: the first to come. It takes along what others leave
// meanwhile, so that replies which become ready together go out in one system call.

#pragma once

#include <span>
#include <vector>
#include <weft/file.hpp>
#include <weft/socket.hpp>
#include <weft/wait_queue.hpp>

#include "protocol.hpp"

namespace nbd {

class outbox {
public:
    explicit outbox(weft::stream& to) : to_(to) {}

    /// Returns when the reply was handed to the kernel, or the connection has failed. Suspends.
    WEFT_COROUTINE_FN void send(reply_head const& head, std::span<std::byte const> data = {});

    /// The same, with a part of a file as its data, which does not go through the program's memory. That the file has it was
    /// found out before; if it has become shorter meanwhile the connection fails, as its length was announced already.
    WEFT_COROUTINE_FN void send_file(reply_head const& head, weft::file& from, std::uint64_t offset,
                                     std::uint64_t length);

    /// The error that ended the connection's sending, if any.
    [[nodiscard]] std::error_code const& failure() const { return failure_; }

private:
    /// What goes out next: bytes in memory, or a part of a file.
    struct piece {
        iovec memory{};
        weft::file* file = nullptr;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };

    /// Writes all that is pending, if nobody does already; else waits until the latest has gone out.
    void write_or_wait(bool let_others_join);
    void write_pending();
    void write(std::span<piece const> pieces);
    void write_file(piece const& p);

    weft::stream& to_;
    bool writing_ = false;
    std::vector<piece> pending_;
    std::vector<piece> under_way_;
    std::vector<iovec> gathered_;
    std::uint64_t left_ = 0;     ///< Replies that were left here.
    std::uint64_t written_ = 0;  ///< How many of them have gone out.
    weft::wait_queue gone_out_;
    std::error_code failure_;
};

}  // namespace nbd
