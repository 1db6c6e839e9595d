// What http.cpp understands of a request, and what it says of itself before the bytes of a file. Nothing here waits.

#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "http_message.hpp"

namespace http {

/// The text with the characters in place that %XX stand for. Empty: it is wrong, or has a zero in it.
inline std::string decode_percent(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::uint64_t code = static_cast<unsigned char>(text[i]);
        if (text[i] == '%') {
            if (text.size() - i < 3 || !number(text.substr(i + 1, 2), code, 16)) {
                return {};
            }
            i += 2;
        }
        if (code == 0) {
            return {};
        }
        decoded += static_cast<char>(code);
    }
    return decoded;
}

struct request {
    std::string_view method;
    std::string path;     ///< Without what follows a '?'.
    std::string refusal;  ///< The status, if that follows from the request alone.
    bool keep_alive;      ///< The client may make another one.
    std::string_view head;
};

/// Of a whole head, which it refers to. This server takes none with a body.
inline request parse_request(std::string_view head) {
    std::string_view rest = head;
    std::string_view line = take(rest, "\r\n"), method = take(line, " "), target = take(line, " ");
    std::string path = decode_percent(take(target, "?"));
    bool has_body = !field(head, "Transfer-Encoding").empty() || !field(head, "Content-Length").empty();
    bool version = line == "HTTP/1.0" || (line == "HTTP/1.1" && !field(head, "Host").empty());
    bool valid = version && path.starts_with('/') && !has_body;
    std::string refusal = !valid                                ? "400 Bad Request"
                          : method != "GET" && method != "HEAD" ? "405 Method Not Allowed"
                                                                : "";
    bool keep_alive = valid && line == "HTTP/1.1" && !same(field(head, "Connection"), "close");
    return {method, path, refusal, keep_alive, head};
}

struct range {
    std::uint64_t first, length;
    bool partial;
};

/// What of `size` bytes a field Range asks for: all, if it is empty, or not understood; nothing, if they have no such part.
inline range parse_range(std::string_view field, std::uint64_t size) {
    range const all{0, size, false};
    if (take(field, "=") != "bytes") {
        return all;
    }
    std::string_view from = take(field, "-");
    std::uint64_t first = 0, last = size;
    if (from.empty()) {  // so many at the end
        return number(field, last) ? range{size - std::min(last, size), std::min(last, size), true} : all;
    }
    if (!number(from, first) || (!field.empty() && (!number(field, last) || last < first))) {
        return all;
    }
    return {first, first < size ? std::min(last, size - 1) - first + 1 : 0, true};
}

struct response {
    std::string status;
    std::string fields;  ///< Those that not all have, with their line ends.
    range part;          ///< What of the file is sent.
};

/// For a file, or a part of it. The tag changes when the file does.
inline response respond(request const& r, std::uint64_t size, std::string const& tag) {
    std::string_view only_if = field(r.head, "If-Range");
    range part = parse_range(only_if.empty() || only_if == tag ? field(r.head, "Range") : "", size);
    std::string fields = "Accept-Ranges: bytes\r\nETag: " + tag + "\r\n";
    std::string of_size = '/' + std::to_string(size) + "\r\n";
    if (!part.partial) {
        return {"200 OK", fields, part};
    }
    if (part.length == 0) {
        return {"416 Range Not Satisfiable", "Content-Range: bytes *" + of_size, part};
    }
    std::string last = std::to_string(part.first + part.length - 1);
    fields += "Content-Range: bytes " + std::to_string(part.first) + '-' + last + of_size;
    return {"206 Partial Content", fields, part};
}

inline std::string head_of(response const& r, bool keep_alive) {
    char date[64];
    std::time_t now = std::time(nullptr);
    std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", std::gmtime(&now));
    return "HTTP/1.1 " + r.status + "\r\nDate: " + date + "\r\nContent-Length: " + std::to_string(r.part.length) +
           "\r\n" + r.fields + (keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

}  // namespace http
