// Floor: io
//
// Functions for everything that bytes are read from or written to: sockets, pipes, file cursors, buffers in front of
// these, and any type that has the calls of the two concepts.
//
//     weft::read_exact(client, header);
//     std::string text = weft::read_all(child.out(), 1 << 20);
//     weft::copy(client, server);
//
// Each call has two forms: one throws std::system_error; the other takes a std::error_code last. All suspend as their
// stream does.

#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <weft/descriptor.hpp>

namespace weft {

/// read(buffer, ec) reads at least one byte, at most the buffer; returns 0 at the end, or with an error.
template <class S>
concept byte_source = requires(S& s, std::span<std::byte> buffer, std::error_code& ec) {
    { s.read(buffer, ec) } -> std::convertible_to<std::size_t>;
};

/// write_all(bytes, ec) returns how much was written: less than all only with an error.
template <class S>
concept byte_sink = requires(S& s, std::span<std::byte const> bytes, std::error_code& ec) {
    { s.write_all(bytes, ec) } -> std::convertible_to<std::size_t>;
};

template <class S>
concept byte_stream = byte_source<S> && byte_sink<S>;

/// The bytes of a text.
[[nodiscard]] inline std::span<std::byte const> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

namespace detail {

// Streams of users need not take a call_site.
template <class S>
std::size_t read_from(S& s, std::span<std::byte> buffer, std::error_code& ec, call_site where) {
    if constexpr (requires { s.read(buffer, ec, where); }) {
        return s.read(buffer, ec, where);
    } else {
        return s.read(buffer, ec);
    }
}

template <class S>
std::size_t write_to(S& s, std::span<std::byte const> bytes, std::error_code& ec, call_site where) {
    if constexpr (requires { s.write_all(bytes, ec, where); }) {
        return s.write_all(bytes, ec, where);
    } else {
        return s.write_all(bytes, ec);
    }
}

inline constexpr std::size_t copy_buffer = 64 << 10;

}  // namespace detail

/// Fills the whole buffer. Returns less only at the end of the source, or with an error.
template <byte_source S>
WEFT_MIXED_FN std::size_t read_exact(S& from, std::span<std::byte> buffer, std::error_code& ec,
                                     call_site where = call_site::here()) {
    ec.clear();
    std::size_t done = 0;
    while (done < buffer.size()) {
        std::size_t n = detail::read_from(from, buffer.subspan(done), ec, where);
        if (n == 0) {
            break;
        }
        done += n;
    }
    return done;
}

template <byte_source S>
WEFT_MIXED_FN std::size_t read_exact(S& from, std::span<std::byte> buffer, call_site where = call_site::here()) {
    return detail::or_throw("read", [&](auto& ec) { return read_exact(from, buffer, ec, where); });
}

/// Reads to the end. Fails with file_too_large if that is more than `most` bytes; with an error returns what was read
/// so far.
template <byte_source S>
WEFT_MIXED_FN std::string read_all(S& from, std::size_t most, std::error_code& ec,
                                   call_site where = call_site::here()) {
    std::string text;
    for (std::size_t done = 0;;) {
        text.resize(done + std::min(std::max<std::size_t>(done, 4096), most - done + 1));
        std::size_t n = detail::read_from(from, std::as_writable_bytes(std::span(text)).subspan(done), ec, where);
        done += n;
        if (n == 0 || done > most) {
            text.resize(std::min(done, most));
            ec = done > most ? std::make_error_code(std::errc::file_too_large) : ec;
            return text;
        }
    }
}

template <byte_source S>
WEFT_MIXED_FN std::string read_all(S& from, std::size_t most, call_site where = call_site::here()) {
    return detail::or_throw("read", [&](auto& ec) { return read_all(from, most, ec, where); });
}

/// Copies from `from` to `to` until the end. Returns how many bytes were written. If a write fails or a wait ends
/// early, what was read and not yet written is lost.
template <byte_source From, byte_sink To>
WEFT_MIXED_FN std::uint64_t copy(From& from, To& to, std::error_code& ec, call_site where = call_site::here()) {
    auto buffer = std::make_unique<std::byte[]>(detail::copy_buffer);
    for (std::uint64_t done = 0;;) {
        std::size_t n = detail::read_from(from, {buffer.get(), detail::copy_buffer}, ec, where);
        if (n == 0) {
            return done;
        }
        done += detail::write_to(to, {buffer.get(), n}, ec, where);
        if (ec) {
            return done;
        }
    }
}

template <byte_source From, byte_sink To>
WEFT_MIXED_FN std::uint64_t copy(From& from, To& to, call_site where = call_site::here()) {
    return detail::or_throw("copy", [&](auto& ec) { return copy(from, to, ec, where); });
}

}  // namespace weft
