// Floor: system

#include "system/make_reactor.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>

#include "system/call_kernel.hpp"
#include "system/refused.hpp"

namespace weft {
namespace {

std::unique_ptr<reactor> make_named(std::string_view name) {
    std::string names;
    for (detail::reactor_kind const& kind : detail::reactor_kinds()) {
        if (kind.name == name) {
            return kind.make();
        }
        names += (names.empty() ? "" : ", ") + std::string(kind.name);
    }
    throw std::invalid_argument("weft: there is no reactor called '" + std::string(name) +
                                "' here; there are: " + names);
}

}  // namespace

std::int64_t reactor::attempt(operation& op) noexcept {
    return detail::call_kernel(op);
}

std::unique_ptr<reactor> make_reactor(std::string_view name) {
    if (name.empty()) {
        char const* wanted = std::getenv("WEFT_REACTOR");
        name = wanted == nullptr ? "" : wanted;
    }
    if (!name.empty()) {
        return make_named(name);
    }
    auto kinds = detail::reactor_kinds();
    for (std::size_t i = 0; i + 1 < kinds.size(); ++i) {
        try {
            return kinds[i].make();
        } catch (std::system_error const& e) {
            // The next one serves without a word. But the last knows no descriptors: it serves where the system denies what
            // the others need, and not where it has no more of it.
            if (i + 2 == kinds.size() && !detail::may_be_missing(e.code().value())) {
                throw;
            }
        }
    }
    return kinds.back().make();
}

}  // namespace weft
