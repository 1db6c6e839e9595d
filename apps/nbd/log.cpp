#include "log.hpp"

#include <array>

namespace nbd {
namespace {

std::FILE* log_file = stderr;
bool live_line_shown = false;
constexpr std::string_view erase_line = "\r\x1b[2K";

}  // namespace

void log_to(std::FILE* file) {
    log_file = file;
}

void log_line(std::string_view text) {
    if (log_file == nullptr) {
        return;
    }
    fmt::print(log_file, "{}weft-nbd: {}\n", live_line_shown ? erase_line : "", text);
    live_line_shown = false;
}

void show_live_line(std::string_view text) {
    if (live_line_shown || !text.empty()) {
        fmt::print(stderr, "{}{}", erase_line, text);
    }
    live_line_shown = !text.empty();
}

std::string human_size(std::uint64_t bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string counted(std::uint64_t count, std::string_view thing) {
    return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

}  // namespace nbd
