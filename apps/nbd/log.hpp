// What the server says: one event a line, on standard error. On a terminal a live line may stand below.
//
// A thread of its own writes the lines. So whatever standard error is (a pipe that nobody reads or that broke, a full disk, a
// terminal that was stopped), the server goes on. Lines that find no room are counted, and the count is written when there is
// room again.

#pragma once

#include <fmt/core.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace nbd {

/// Where to log; -1: nowhere. Standard error at first.
void log_to(int fd);

/// Logs `weft-nbd: text`, with what could harm a terminal or forge a line escaped. Threads: any. Suspends: no.
void log_line(std::string_view text) noexcept;

/// A line could not be made.
void lose_log_line() noexcept;

template <class... Args>
void log(fmt::format_string<Args...> format, Args&&... args) noexcept {
    try {
        log_line(fmt::format(format, std::forward<Args>(args)...));
    } catch (...) {
        lose_log_line();
    }
}

/// Returns when all lines are written, or after that time: then false. Blocks.
bool flush_log(std::chrono::milliseconds limit);

/// Replaces the live line, cut to the terminal's width; an empty text removes it.
void show_live_line(std::string_view text) noexcept;

/// In quotation marks, and so that it can't end them: what a client sent.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// "512 B", "1.0 GiB"
[[nodiscard]] std::string human_size(std::uint64_t bytes);

/// "1 connection", "2 connections"
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view thing);

}  // namespace nbd
