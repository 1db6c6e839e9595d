// Floor: io

#include <weft/udp.hpp>

#include "io/bind.hpp"
#include "io/errors.hpp"

namespace weft {
namespace {

bool is_ipv6(any_socket const& s) {
    return s.option(SOL_SOCKET, SO_DOMAIN) == AF_INET6;
}

/// An option that IPv4 and IPv6 have each their own of.
void set_either(any_socket& s, int ipv4, int ipv6, int value, char const* what) {
    is_ipv6(s) ? s.set_option(IPPROTO_IPV6, ipv6, value, what) : s.set_option(IPPROTO_IP, ipv4, value, what);
}

void change_membership(udp_socket& s, int ipv4, int ipv6, endpoint const& group, unsigned interface) {
    int refused;
    if (group.family() == AF_INET6) {
        ipv6_mreq wanted{.ipv6mr_multiaddr = reinterpret_cast<sockaddr_in6 const*>(group.data())->sin6_addr,
                         .ipv6mr_interface = interface};
        refused = setsockopt(s.fd(), IPPROTO_IPV6, ipv6, &wanted, sizeof wanted);
    } else {
        ip_mreqn wanted{.imr_multiaddr = reinterpret_cast<sockaddr_in const*>(group.data())->sin_addr,
                        .imr_address = {},
                        .imr_ifindex = static_cast<int>(interface)};
        refused = setsockopt(s.fd(), IPPROTO_IP, ipv4, &wanted, sizeof wanted);
    }
    if (refused != 0) {
        detail::refuse("the multicast group " + group.text());
    }
}

}  // namespace

udp_socket::udp_socket(endpoint const& local, bind_options const& options)
    : datagram_socket(detail::make_socket(local, SOCK_DGRAM)) {
    [[maybe_unused]] auto no_path = detail::bind_to(fd(), local, SOCK_DGRAM, options);
}

udp_socket udp_socket::connected_to(endpoint const& peer) {
    udp_socket made(detail::make_socket(peer, SOCK_DGRAM));
    made.connect(peer);
    return made;
}

void udp_socket::set_broadcast(bool on) {
    set_option(SOL_SOCKET, SO_BROADCAST, on ? 1 : 0, "SO_BROADCAST");
}

void udp_socket::set_ttl(int hops) {
    set_either(*this, IP_TTL, IPV6_UNICAST_HOPS, hops, "IP_TTL");
}

void udp_socket::join_group(endpoint const& group, unsigned interface) {
    change_membership(*this, IP_ADD_MEMBERSHIP, IPV6_ADD_MEMBERSHIP, group, interface);
}

void udp_socket::leave_group(endpoint const& group, unsigned interface) {
    change_membership(*this, IP_DROP_MEMBERSHIP, IPV6_DROP_MEMBERSHIP, group, interface);
}

void udp_socket::set_multicast_ttl(int hops) {
    set_either(*this, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, hops, "IP_MULTICAST_TTL");
}

void udp_socket::set_multicast_loop(bool on) {
    set_either(*this, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, on ? 1 : 0, "IP_MULTICAST_LOOP");
}

void udp_socket::set_multicast_interface(unsigned interface) {
    if (is_ipv6(*this)) {
        set_option(IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(interface), "IPV6_MULTICAST_IF");
        return;
    }
    ip_mreqn wanted{.imr_multiaddr = {}, .imr_address = {}, .imr_ifindex = static_cast<int>(interface)};
    if (setsockopt(fd(), IPPROTO_IP, IP_MULTICAST_IF, &wanted, sizeof wanted) != 0) {
        detail::refuse("IP_MULTICAST_IF");
    }
}

}  // namespace weft
