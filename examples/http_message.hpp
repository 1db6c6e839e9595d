// What http.cpp and download.cpp need of HTTP/1.1's messages (RFC 9110 and 9112). Nothing here waits.

#pragma once

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace http {

inline constexpr std::string_view end_of_head = "\r\n\r\n";
inline constexpr std::size_t most_head = 16 << 10;  ///< Bytes of a head that are read; most servers allow no more.

/// Takes the text up to the delimiter off the front, or all of it, and the delimiter with it.
inline std::string_view take(std::string_view& text, std::string_view delimiter) {
    std::string_view taken = text.substr(0, text.find(delimiter));
    text.remove_prefix(std::min(text.size(), taken.size() + delimiter.size()));
    return taken;
}

/// Names of fields, and some values, mean the same in capitals.
inline bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

/// The value of a field of a head, which ends with an empty line. Empty: there is none.
inline std::string_view field(std::string_view head, std::string_view name) {
    take(head, "\r\n");  // the first line is none
    while (!head.empty()) {
        std::string_view value = take(head, "\r\n");
        if (same(take(value, ":"), name)) {
            value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
            return value.substr(0, value.find_last_not_of(" \t") + 1);
        }
    }
    return {};
}

/// Whether the text is a number and nothing more.
inline bool number(std::string_view text, std::uint64_t& value, int base = 10) {
    char const* end = text.data() + text.size();
    auto [rest, error] = std::from_chars(text.data(), end, value, base);
    return error == std::errc() && rest == end;
}

}  // namespace http
