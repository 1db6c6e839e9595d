// Floor: io

#include <weft/resolve.hpp>

#include "io/errors.hpp"
#include "io/look_up.hpp"

namespace weft {
namespace {

class resolve_category : public std::error_category {
public:
    [[nodiscard]] char const* name() const noexcept override { return "resolve"; }
    [[nodiscard]] std::string message(int code) const override {
        switch (static_cast<resolve_error>(code)) {
            case resolve_error::not_found:
                return "no such host, or it has no address";
            case resolve_error::no_answer:
                return "no name server gave an answer";
            case resolve_error::unknown_service:
                return "no such service";
            case resolve_error::failed:
                break;
        }
        return "the look-up failed";
    }
};

}  // namespace

std::error_code make_error_code(resolve_error e) noexcept {
    static resolve_category const category;
    return {static_cast<int>(e), category};
}

std::error_code detail::error_of_getaddrinfo(int code) {
    switch (code) {
        case EAI_NONAME:
        case EAI_NODATA:
        case EAI_ADDRFAMILY:
            return resolve_error::not_found;
        case EAI_AGAIN:
            return resolve_error::no_answer;
        case EAI_SERVICE:
            return resolve_error::unknown_service;
        case EAI_MEMORY:
            return std::make_error_code(std::errc::not_enough_memory);
        case EAI_SYSTEM:
            return {errno, std::generic_category()};
        default:
            return resolve_error::failed;
    }
}

int detail::get_addresses(char const* host, char const* service, int family, int flags, std::vector<endpoint>& into) {
    addrinfo hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | flags;
    addrinfo* first = nullptr;
    int code = getaddrinfo(host, service, &hints, &first);
    std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(first, &freeaddrinfo);
    for (addrinfo const* a = first; a != nullptr; a = a->ai_next) {
        into.emplace_back(a->ai_addr, a->ai_addrlen);
    }
    return code;
}

std::vector<endpoint> resolve(std::string const& host, std::string const& service, call_site where) {
    return resolve(host, service, resolve_options(), where);
}

std::vector<endpoint> resolve(std::string const& host, std::string const& service, resolve_options const& options,
                              call_site where) {
    std::error_code ec;
    std::vector<endpoint> found = resolve(host, service, options, ec, where);
    if (ec) {
        bool number = service.find_first_not_of("0123456789") == std::string::npos;
        throw std::system_error(ec, "cannot resolve " + host + ':' + service +
                                        (ec == std::errc::invalid_argument && number ? ", a port over 65535" : ""));
    }
    return found;
}

std::vector<endpoint> resolve(std::string const& host, std::string const& service, resolve_options const& options,
                              std::error_code& ec, call_site where) {
    ec.clear();
    bool number = !service.empty() && service.find_first_not_of("0123456789") == std::string::npos;
    if (number && (service.size() > 5 || std::stoi(service) > 65535)) {  // getaddrinfo() would cut it to 16 bits
        ec = std::make_error_code(std::errc::invalid_argument);
        return {};
    }
    // What is in digits needs nobody's help, and a service stands in a file.
    std::vector<endpoint> found;
    int code = detail::get_addresses(host.empty() ? nullptr : host.c_str(), service.c_str(), options.family,
                                     AI_NUMERICHOST, found);
    if (code == 0) {
        return found;
    }
    std::vector<endpoint> of_service;
    if (code != EAI_NONAME ||
        (code = detail::get_addresses(nullptr, service.c_str(), AF_INET, AI_NUMERICHOST, of_service)) != 0) {
        ec = detail::error_of_getaddrinfo(code);
        return {};
    }
    return detail::look_up(host, of_service.front().port(), options, ec, where);
}

}  // namespace weft
