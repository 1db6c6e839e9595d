// What the tests of streams share.

#pragma once

#include <sys/socket.h>

#include <array>
#include <span>
#include <string>
#include <utility>
#include <weft/socket.hpp>

#include "worlds.hpp"

namespace worlds {

/// Text of that size, each part of which is another.
inline std::string numbers(std::size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i) {
        text += std::to_string(i) + ' ';
    }
    text.resize(size);
    return text;
}

inline std::pair<weft::tcp_stream, weft::tcp_stream> tcp_pair() {
    weft::tcp_listener listener(loopback());
    weft::tcp_stream client = weft::tcp_stream::connect(listener.local());
    return {std::move(client), listener.accept()};
}

/// Calls `test(a, b)` in both worlds, each time with two streams that are connected to each other.
template <class F>
void with_both_ends(F test) {
    in_both_worlds([&] {
        auto ends = weft::unix_stream_pair();
        test(ends.first, ends.second);
    });
}

/// Sends back all it gets.
inline void echo(weft::stream& s) {
    std::array<std::byte, 4096> buffer;
    while (std::size_t n = s.read(buffer)) {
        s.write_all(std::span(buffer).first(n));
    }
}

/// Buffers so small that a writer soon has to wait.
inline void make_small(weft::stream const& s) {
    int size = 4096;
    ASSERT_EQ(setsockopt(s.fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    ASSERT_EQ(setsockopt(s.fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
}

}  // namespace worlds
