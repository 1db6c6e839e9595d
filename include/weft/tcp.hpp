// Floor: io
//
// TCP:
//
//     weft::tcp_listener listener(weft::endpoint::ip("127.0.0.1", 7777));
//     weft::scope connections;
//     for (;;) {
//         connections.spawn([client = listener.accept()]() mutable { serve(client); });
//     }
//
//     weft::tcp_stream server = weft::tcp_stream::connect(weft::resolve("example.org", "80").front());
//
// What a stream does stands in stream.hpp.

#pragma once

#include <weft/listener.hpp>
#include <weft/stream.hpp>

namespace weft {

class tcp_stream : public stream {
public:
    using stream::stream;
    /// Throws std::system_error that names the address. Suspends.
    [[nodiscard]] WEFT_MIXED_FN static tcp_stream connect(endpoint const& address,
                                                          call_site where = call_site::here()) {
        return tcp_stream(connect_to(address, where));
    }
    [[nodiscard]] WEFT_MIXED_FN static tcp_stream connect(endpoint const& address, std::error_code& ec,
                                                          call_site where = call_site::here()) {
        return tcp_stream(connect_to(address, ec, where));
    }
};

class tcp_listener : public listener {
public:
    using listener::listener;
    /// The next connection. While there are no descriptors or no memory left it waits, and tries again every 50 ms.
    /// Suspends.
    [[nodiscard]] WEFT_MIXED_FN tcp_stream accept(call_site where = call_site::here()) {
        return detail::or_throw("accept", [&](auto& ec) { return accept(ec, where); });
    }
    [[nodiscard]] WEFT_MIXED_FN tcp_stream accept(std::error_code& ec, call_site where = call_site::here()) {
        return tcp_stream(accept_when_possible(ec, where));
    }
};

}  // namespace weft
