// What the words of the command line mean.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace nbd {

/// Bytes of "512", "64K", "1.5G", "2TiB": a number, with or without a fraction, and a unit in powers of 1024. nullopt: it is
/// none, or not positive, or more than a file can have.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string const& text);

/// HOST and PORT of "HOST:PORT", "[HOST]:PORT", "HOST", ":PORT" (of every address) or "PORT" (of 127.0.0.1).
[[nodiscard]] std::pair<std::string, std::string> split_address(std::string const& address);

/// NAME and PATH of "NAME=PATH" or "PATH". What names a file that there is, or has a slash before its first '=', is a path.
[[nodiscard]] std::pair<std::string, std::string> split_image(std::string const& text);

}  // namespace nbd
