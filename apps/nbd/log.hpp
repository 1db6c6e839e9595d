// What the server says: one event a line, on standard error. On a terminal a live line may stand below.

#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace nbd {

/// Where to log; nullptr: nowhere. Standard error at first.
void log_to(std::FILE* file);

/// Prints `weft-nbd: text`.
void log_line(std::string_view text);

template <class... Args>
void log(fmt::format_string<Args...> format, Args&&... args) {
    log_line(fmt::format(format, std::forward<Args>(args)...));
}

/// Replaces the live line; an empty text removes it.
void show_live_line(std::string_view text);

/// "512 B", "1.0 GiB"
[[nodiscard]] std::string human_size(std::uint64_t bytes);

/// "1 connection", "2 connections"
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view thing);

}  // namespace nbd
