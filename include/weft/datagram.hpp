// Floor: io
//
// Message sockets: what udp_socket and unix_datagram have in common.
//
// Each call has two forms: one throws std::system_error; the other takes a std::error_code last. All suspend inside a
// coroutine, and run the thread's loop elsewhere. A cancelled call returns only when the kernel no longer uses the
// buffer; a message that had arrived by then is delivered.

#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <system_error>
#include <weft/any_socket.hpp>

namespace weft {

/// A message that was received.
struct datagram {
    std::size_t size = 0;    ///< How much of the buffer it fills. A message may be empty: 0 does not mean the end.
    bool truncated = false;  ///< It was longer than the buffer, and the rest is lost.
    endpoint from;           ///< Empty for a Unix socket without a name.
};

class datagram_socket : public any_socket {
public:
    using any_socket::any_socket;

    /// Sends one message. Waits only while the system has no room for it.
    WEFT_MIXED_FN void send_to(std::span<std::byte const> message, endpoint const& to,
                               call_site where = call_site::here());
    WEFT_MIXED_FN void send_to(std::span<std::byte const> message, endpoint const& to, std::error_code& ec,
                               call_site where = call_site::here());
    /// The same, gathered.
    WEFT_MIXED_FN void send_to(std::span<iovec const> message, endpoint const& to, std::error_code& ec,
                               call_site where = call_site::here());

    /// The same, to the peer that connect() named.
    WEFT_MIXED_FN void send(std::span<std::byte const> message, call_site where = call_site::here());
    WEFT_MIXED_FN void send(std::span<std::byte const> message, std::error_code& ec,
                            call_site where = call_site::here());
    WEFT_MIXED_FN void send(std::span<iovec const> message, std::error_code& ec, call_site where = call_site::here());

    /// Waits for a message.
    [[nodiscard]] WEFT_MIXED_FN datagram receive_from(std::span<std::byte> buffer, call_site where = call_site::here());
    [[nodiscard]] WEFT_MIXED_FN datagram receive_from(std::span<std::byte> buffer, std::error_code& ec,
                                                      call_site where = call_site::here());
    /// The same, scattered.
    [[nodiscard]] WEFT_MIXED_FN datagram receive_from(std::span<iovec const> buffers, std::error_code& ec,
                                                      call_site where = call_site::here());

    /// Sets the peer: messages are sent to it, and received from it alone. With UDP a later call fails with
    /// connection_refused if the peer's host reports that nobody listens there.
    /// Throws std::system_error that names the address. Suspends: no.
    void connect(endpoint const& peer);
};

}  // namespace weft
