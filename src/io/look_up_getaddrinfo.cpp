// Floor: io

#include "io/look_up.hpp"
#include "io/system_call.hpp"

namespace weft {

std::vector<endpoint> detail::look_up(std::string const& host, std::uint16_t port, resolve_options const& options,
                                      std::error_code& ec, call_site where) {
    if (!options.servers.empty() || options.timeout.count() != 0 || options.tries != 0) {
        ec = std::make_error_code(std::errc::not_supported);
        return {};
    }
    auto ask = [host, service = std::to_string(port), family = options.family](std::error_code& refused) {
        std::vector<endpoint> found;
        int code = get_addresses(host.c_str(), service.c_str(), family, AI_ADDRCONFIG, found);
        if (code == EAI_NONAME || code == EAI_ADDRFAMILY) {  // loopback alone is no "configured" address
            code = get_addresses(host.c_str(), service.c_str(), family, 0, found);
        }
        refused = code == 0 ? std::error_code() : error_of_getaddrinfo(code);
        return found;
    };
    return call_on_worker("a name look-up", ec, where, std::move(ask), operation::look_up);
}

}  // namespace weft
