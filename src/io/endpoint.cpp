// Floor 6: io

#include <netdb.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <weft/socket.hpp>

namespace weft {
namespace {

class resolver_category : public std::error_category {
public:
    [[nodiscard]] char const* name() const noexcept override { return "getaddrinfo"; }
    [[nodiscard]] std::string message(int code) const override { return gai_strerror(code); }
};

std::error_category const& resolver_errors() {
    static resolver_category const category;
    return category;
}

struct look_up {
    char const* host;
    char const* service;
    addrinfo* found = nullptr;
    int system_error = 0;
};

std::int64_t run_look_up(void* argument) {
    auto& wanted = *static_cast<look_up*>(argument);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_ADDRCONFIG;
    int code = getaddrinfo(wanted.host, wanted.service, &hints, &wanted.found);
    if (code == EAI_NONAME || code == EAI_ADDRFAMILY) {  // a host with loopback alone has no "configured" address
        hints.ai_flags = AI_PASSIVE;
        code = getaddrinfo(wanted.host, wanted.service, &hints, &wanted.found);
    }
    wanted.system_error = errno;
    return code == 0 ? 0 : std::int64_t{code} + 1'000'000;  // positive: a look-up's error is no errno
}

}  // namespace

endpoint::endpoint(sockaddr const* address, socklen_t length) : length_(length) {
    std::memcpy(&storage_, address, length);
}

endpoint endpoint::unix_path(std::filesystem::path const& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string const& text = path.native();
    if (text.size() >= sizeof address.sun_path) {
        throw std::system_error(
            ENAMETOOLONG, std::generic_category(),
            "the path of a Unix socket has at most " + std::to_string(sizeof address.sun_path - 1) + " bytes: " + text);
    }
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    return {reinterpret_cast<sockaddr const*>(&address), sizeof address};
}

std::string endpoint::text() const {
    if (family() == AF_UNIX) {
        char const* path = reinterpret_cast<sockaddr_un const*>(&storage_)->sun_path;
        return length_ > sizeof(sa_family_t) && *path != '\0' ? "unix:" + std::string(path) : "unix";
    }
    char host[NI_MAXHOST];
    char service[NI_MAXSERV];
    if (getnameinfo(data(), length_, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) !=
        0) {
        return "an unknown address";
    }
    return (family() == AF_INET6 ? '[' + std::string(host) + ']' : std::string(host)) + ':' + service;
}

std::vector<endpoint> resolve(std::string const& host, std::string const& service, place where) {
    bool number = !service.empty() && service.find_first_not_of("0123456789") == std::string::npos;
    if (number && (service.size() > 5 || std::stoi(service) > 65535)) {  // getaddrinfo() would cut it to 16 bits
        throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                                "cannot resolve " + host + ':' + service + ": there are no ports over 65535");
    }
    look_up wanted{host.empty() ? nullptr : host.c_str(), service.c_str()};
    operation op{.what = operation::kind::call, .call = &run_look_up, .argument = &wanted};
    std::error_code ec;
    std::size_t code = detail::run_operation(op, "a name look-up", ec, where);
    std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> found(wanted.found, &freeaddrinfo);
    if (!ec && code != 0) {
        int reason = static_cast<int>(static_cast<std::int64_t>(code) - 1'000'000);
        ec = reason == EAI_SYSTEM ? std::error_code(wanted.system_error, std::generic_category())
                                  : std::error_code(reason, resolver_errors());
    }
    if (ec) {
        throw std::system_error(ec, "cannot resolve " + host + ':' + service);
    }
    std::vector<endpoint> endpoints;
    for (addrinfo const* a = found.get(); a != nullptr; a = a->ai_next) {
        endpoints.emplace_back(a->ai_addr, a->ai_addrlen);
    }
    return endpoints;
}

}  // namespace weft
