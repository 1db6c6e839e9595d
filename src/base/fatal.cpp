// Floor: base

#include "base/fatal.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace weft::detail {

void add_call_site(call_site p, fixed_text& text) noexcept {
    if (*p.file() == '\0') {
        text << "an unknown place";
        return;
    }
    text << p.file() << ":" << std::uint64_t{p.line()};
}

std::string text(call_site p) {
    fixed_text text;
    add_call_site(p, text);
    return std::string(text.view());
}

std::string text(std::exception_ptr const& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (std::exception const& e) {
        return e.what();
    } catch (...) {
        return "an exception that is no std::exception";
    }
}

void die(call_site where, std::string const& what) noexcept {
    std::string at = *where.file() == '\0' ? "" : text(where) + ": ";
    std::fprintf(stderr, "weft: %s%s\n", at.c_str(), what.c_str());
    std::fflush(stderr);
    std::abort();
}

}  // namespace weft::detail
