// Replies on their way to a client. One coroutine writes at a time: the first to come. It takes along what others leave
// meanwhile, so that replies which become ready together go out in one system call.
//
// A reply lies on its sender's stack until it has gone. So none of this needs memory: a request for which there is none can
// still be told so.

#pragma once

#include <array>
#include <span>
#include <weft/file.hpp>
#include <weft/socket.hpp>
#include <weft/wait_queue.hpp>

#include "protocol.hpp"

namespace nbd {

class outbox {
public:
    explicit outbox(weft::stream& to) : to_(to) {}

    /// Returns when the reply was handed to the kernel, or the connection has failed. Suspends. Allocates: no.
    WEFT_COROUTINE_FN void send(reply_head const& head, std::span<std::byte const> data = {});

    /// The same, with a part of a file as its data, which does not go through the program's memory. That the file has it was
    /// found out before; if it has become shorter meanwhile the connection fails, as its length was announced already.
    WEFT_COROUTINE_FN void send_file(reply_head const& head, weft::file& from, std::uint64_t offset,
                                     std::uint64_t length);

    /// The error that ended the connection's sending, if any.
    [[nodiscard]] std::error_code const& failure() const { return failure_; }

private:
    /// A reply, on the stack of its sender: a head, and behind it bytes in memory or a part of a file.
    struct reply {
        bytes head;
        bytes data;
        weft::file* file = nullptr;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
        reply* next = nullptr;
    };

    /// Writes all that is pending, if nobody does already; else waits until `mine` has gone out.
    void write_or_wait(reply& mine, bool let_others_join);
    void write_pending();
    void write(reply const* first);
    void write_file(reply const& r);
    void gather(bytes data);
    void write_gathered();

    weft::stream& to_;
    bool writing_ = false;
    reply* pending_ = nullptr;  ///< The first of those that nobody writes yet.
    reply** last_ = &pending_;
    std::array<iovec, 128> gathered_;  ///< For one system call.
    std::size_t gathered_count_ = 0;
    std::uint64_t left_ = 0;     ///< Replies that were left here.
    std::uint64_t written_ = 0;  ///< How many of them have gone out.
    weft::wait_queue gone_out_;
    std::error_code failure_;
};

}  // namespace nbd
