// What download.cpp does for each file: asks for it, and goes on where a connection broke, if the file is still the same.

#pragma once

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <weft/buffered.hpp>
#include <weft/directory.hpp>
#include <weft/limit.hpp>
#include <weft/resolve.hpp>
#include <weft/tcp.hpp>

#include "http_message.hpp"

namespace http {

inline constexpr std::chrono::seconds patience(30);  ///< With a server that is silent.

struct url {
    std::string host, port, path;
    std::string name;  ///< The last part of the path.
};

/// Throws std::invalid_argument.
inline url parse_url(std::string_view text) {
    std::string_view rest = text, scheme = take(rest, "://"), port = take(rest, "/"), host = take(port, ":");
    url u{std::string(host), std::string(port.empty() ? "80" : port), '/' + std::string(rest), ""};
    u.name = u.path.substr(u.path.rfind('/') + 1);
    if (scheme != "http" || host.empty() || u.name.empty()) {
        throw std::invalid_argument("not http://HOST[:PORT]/PATH with a file's name at its end: " + std::string(text));
    }
    return u;
}

/// A request for the file from a byte on: if that is not the first, only if the file still has that tag.
inline std::string get(url const& u, std::uint64_t first, std::string const& tag) {
    std::string range = "Range: bytes=" + std::to_string(first) + "-\r\nIf-Range: " + tag + "\r\n";
    return "GET " + u.path + " HTTP/1.1\r\nHost: " + u.host + "\r\nConnection: close\r\n" + (first > 0 ? range : "") +
           "\r\n";
}

struct content {
    std::uint64_t first = 0;  ///< The first byte that comes.
    std::uint64_t size = 0;   ///< Of the whole file.
    std::string tag;
};

/// What comes after the head of the response to get(). Throws std::runtime_error with the status if it is not that.
inline content parse_response(std::string_view head, std::uint64_t first) {
    std::string_view rest = head, status = take(rest, "\r\n"), range = field(head, "Content-Range"),
                     all = field(head, "Content-Length");
    content c{.tag = std::string(field(head, "ETag"))};
    bool whole = status.find(" 200 ") == 8 && number(all, c.size);
    bool part = status.find(" 206 ") == 8 && take(range, " ") == "bytes" && number(take(range, "-"), c.first) &&
                !take(range, "/").empty() && number(range, c.size);
    if (!whole && !(part && c.first == first)) {
        throw std::runtime_error("not a file of known length: the server answers \"" + std::string(status) + '"');
    }
    return c;
}

struct download {
    url from;
    content what{};
    std::uint64_t done = 0;
    std::string failure = "not begun";  ///< Empty: it is complete.
};

/// Asks for what is missing, and adds it to the file. Returns false if the connection broke meanwhile.
inline bool fetch_rest(download& d, weft::file& to) {
    weft::tcp_stream server = weft::with_limit(
        patience, [&] { return weft::tcp_stream::connect(weft::resolve(d.from.host, d.from.port).front()); });
    server.write_all(weft::bytes_of(get(d.from, d.what.tag.empty() ? 0 : d.done, d.what.tag)));
    weft::buffered_reader in(server, 64 << 10);
    auto head = weft::with_limit(patience, [&] { return in.read_until(end_of_head, most_head); });
    d.what = parse_response(head, d.done);
    to.resize(d.done = d.what.first);  // the start, if the file has changed
    for (std::array<std::byte, 16 << 10> buffer; d.done < d.what.size;) {
        std::error_code ec;
        std::size_t n = weft::with_limit(patience, [&] { return in.read(buffer, ec); });
        if (n == 0 && ec == std::errc::operation_canceled) {
            throw std::system_error(ec);
        }
        if (n == 0) {
            return false;
        }
        to.write_all_at(std::span(buffer).first(n), d.done);
        d.done += n;
    }
    to.resize(d.what.size);
    return true;
}

/// Until the file is complete, its name ends with ".part".
inline void fetch(download& d, weft::directory const& into) {
    try {
        weft::file to = into.open_file(d.from.name + ".part", weft::file::mode::create);
        for (std::uint64_t before = 0; !fetch_rest(d, to);) {
            if (std::exchange(before, d.done) == d.done) {
                throw std::runtime_error("the connection broke before anything came");
            }
        }
        into.rename(d.from.name + ".part", d.from.name);
        d.failure.clear();
    } catch (std::exception const& e) {
        d.failure = e.what();
    }
}

}  // namespace http
