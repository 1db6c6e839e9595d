// Floor 4: loop

#include "loop/make_reactor.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>

#include "loop/perform.hpp"

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
    return detail::perform(op);
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
    for (detail::reactor_kind const& kind : kinds.first(kinds.size() - 1)) {
        try {
            return kind.make();
        } catch (std::system_error const&) {  // the next one serves without a word
        }
    }
    return kinds.back().make();
}

}  // namespace weft
