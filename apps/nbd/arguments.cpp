#include "arguments.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string_view>

namespace nbd {
namespace {

constexpr auto largest_file = static_cast<std::uint64_t>(INT64_MAX);

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The factor of "K", "k", "KB", "KiB" and the like; of nothing, 1.
std::optional<std::uint64_t> factor_of(std::string unit) {
    std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::toupper(c); });
    std::size_t power = std::string_view("BKMGTPE").find(unit.empty() ? 'B' : unit.front());
    std::string_view rest = std::string_view(unit).substr(unit.empty() ? 0 : 1);
    if (power == std::string_view::npos || !(rest.empty() || (power > 0 && (rest == "B" || rest == "IB")))) {
        return std::nullopt;
    }
    return std::uint64_t{1} << (10 * power);
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string const& text) {
    std::size_t end = text.find_first_not_of("0123456789.");
    std::string number = text.substr(0, end);
    auto factor = factor_of(end == std::string::npos ? "" : text.substr(end));
    std::size_t point = number.find('.');
    std::string whole = number.substr(0, point);
    std::string fraction = point == std::string::npos ? "0" : number.substr(point + 1);
    if (!factor || !all_digits(whole) || !all_digits(fraction) || whole.size() > 19 || fraction.size() > 15) {
        return std::nullopt;
    }
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(std::stoull(whole), *factor, &bytes)) {
        return std::nullopt;
    }
    long double part = std::stold("0." + fraction) * static_cast<long double>(*factor);
    if (__builtin_add_overflow(bytes, static_cast<std::uint64_t>(part), &bytes) || bytes == 0 || bytes > largest_file) {
        return std::nullopt;
    }
    return bytes;
}

std::pair<std::string, std::string> split_address(std::string const& address) {
    constexpr char const* usual_port = "10809";
    std::size_t colon = address.rfind(':');
    if (address.starts_with('[')) {  // an IPv6 address
        std::size_t end = address.find(']');
        std::string host = address.substr(1, end == std::string::npos ? end : end - 1);
        bool has_port = colon != std::string::npos && end != std::string::npos && colon > end;
        return {host, has_port ? address.substr(colon + 1) : usual_port};
    }
    if (colon == std::string::npos) {
        return all_digits(address) ? std::pair<std::string, std::string>("127.0.0.1", address)
                                   : std::pair<std::string, std::string>(address, usual_port);
    }
    if (address.find(':') != colon) {  // several: an IPv6 address without brackets
        return {address, usual_port};
    }
    return {address.substr(0, colon), address.substr(colon + 1)};
}

std::pair<std::string, std::string> split_image(std::string const& text) {
    std::size_t equals = text.find('=');
    std::error_code ignored;
    bool is_path = equals == std::string::npos || text.find('/') < equals || std::filesystem::exists(text, ignored);
    if (is_path) {
        return {std::filesystem::path(text).filename().string(), text};
    }
    return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace nbd
