// Floor: io
//
// UDP:
//
//     weft::udp_socket server(weft::endpoint::ip("0.0.0.0", 5353));
//     std::array<std::byte, 1500> buffer;
//     for (;;) {
//         weft::datagram question = server.receive_from(buffer);
//         server.send_to(answer(std::span(buffer).first(question.size)), question.from);
//     }
//
//     weft::udp_socket client = weft::udp_socket::connected_to(address);
//     client.send(question);

#pragma once

#include <weft/datagram.hpp>

namespace weft {

class udp_socket : public datagram_socket {
public:
    using datagram_socket::datagram_socket;
    /// Binds an address to receive on; port 0: any that is free.
    /// Throws std::system_error that names the address. Suspends: no.
    explicit udp_socket(endpoint const& local, bind_options const& options = {});
    /// A socket on any port that sends to that peer, and receives from it alone.
    /// Throws std::system_error that names the address. Suspends: no.
    [[nodiscard]] static udp_socket connected_to(endpoint const& peer);

    /// SO_BROADCAST: may send to broadcast addresses.
    /// Throws std::system_error. Suspends: no.
    void set_broadcast(bool on);
    /// IP_TTL: how many hops its messages may travel.
    /// Throws std::system_error. Suspends: no.
    void set_ttl(int hops);

    /// Receives what is sent to that group too, on the interface of that index (if_nametoindex(3); 0: the system chooses).
    /// Throws std::system_error that names the group. Suspends: no.
    void join_group(endpoint const& group, unsigned interface = 0);
    void leave_group(endpoint const& group, unsigned interface = 0);
    /// For messages to groups: how many hops they may travel, whether sockets of this machine receive them too, and
    /// the outgoing interface.
    /// Throws std::system_error. Suspends: no.
    void set_multicast_ttl(int hops);
    void set_multicast_loop(bool on);
    void set_multicast_interface(unsigned interface);
};

}  // namespace weft
