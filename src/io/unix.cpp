// Floor: io

#include <weft/unix.hpp>

#include <array>
#include <cstring>

#include "io/bind.hpp"
#include "io/errors.hpp"
#include "io/messages.hpp"

namespace weft {
namespace {

constexpr std::size_t most_descriptors = unix_stream::most_descriptors;

/// Room for the descriptors that go with a message.
struct control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most_descriptors * sizeof(int))> bytes;
};

/// Appends the message's descriptors, for which there has to be room.
void take_descriptors(msghdr& header, std::vector<descriptor>& into) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd;
            std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            into.emplace_back(fd);
        }
    }
}

template <class Socket>
std::pair<Socket, Socket> make_pair(int type) {
    int fds[2];
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) {
        detail::refuse("no pair of sockets");
    }
    return {Socket(descriptor(fds[0])), Socket(descriptor(fds[1]))};
}

}  // namespace

std::size_t detail::send_descriptors(int socket, std::span<std::byte const> bytes, std::span<int const> fds,
                                     std::error_code& ec, call_site where) {
    if (bytes.empty() || fds.size() > most_descriptors) {
        ec = std::make_error_code(std::errc::invalid_argument);
        return 0;
    }
    iovec one{const_cast<std::byte*>(bytes.data()), bytes.size()};
    control room;
    msghdr header{};
    header.msg_iov = &one;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = room.bytes.data();
        header.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* c = CMSG_FIRSTHDR(&header);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
    }
    bool try_first = may_do_at_once();
    return send_message(socket, header, 0, try_first, ec, where);
}

std::size_t detail::receive_descriptors(int socket, std::span<std::byte> buffer, std::vector<descriptor>& into,
                                        std::error_code& ec, call_site where) {
    into.reserve(into.size() + most_descriptors);  // now: what has come must not get lost for want of memory
    iovec one{buffer.data(), buffer.size()};
    control room;
    msghdr header{};
    header.msg_iov = &one;
    header.msg_iovlen = 1;
    header.msg_control = room.bytes.data();
    header.msg_controllen = room.bytes.size();
    std::size_t n = receive_message(socket, header, MSG_CMSG_CLOEXEC, true, ec, where);
    if (ec) {
        return 0;
    }
    take_descriptors(header, into);
    if ((header.msg_flags & MSG_CTRUNC) != 0) {
        ec = std::make_error_code(std::errc::too_many_files_open);
    }
    return n;
}

peer_credentials unix_stream::credentials() const {
    ucred who{};
    socklen_t size = sizeof who;
    if (getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
        detail::refuse("SO_PEERCRED");
    }
    return {.process = who.pid, .user = who.uid, .group = who.gid};
}

std::pair<unix_stream, unix_stream> unix_stream_pair() {
    return make_pair<unix_stream>(SOCK_STREAM);
}

std::pair<unix_datagram, unix_datagram> unix_datagram_pair() {
    return make_pair<unix_datagram>(SOCK_DGRAM);
}

unix_datagram::unix_datagram(std::filesystem::path const& path)
    : datagram_socket(detail::make_socket(endpoint::unix_path(path), SOCK_DGRAM)) {
    path_ = detail::bind_to(fd(), endpoint::unix_path(path), SOCK_DGRAM, {});
}

unix_datagram unix_datagram::connected_to(std::filesystem::path const& path) {
    endpoint peer = endpoint::unix_path(path);
    unix_datagram made(detail::make_socket(peer, SOCK_DGRAM));
    made.connect(peer);
    return made;
}

}  // namespace weft
