// Floor: io
//
// c-ares on the caller's loop. It opens sockets of its own, and says of each what it waits for; these stand in an epoll set,
// whose one descriptor the caller waits for, as long as c-ares allows. Each look-up has a channel of its own, on the stack
// of whoever waits: ending the wait early destroys it, and nothing is left.

#include <ares.h>
#include <sys/epoll.h>

#include <array>
#include <cstring>
#include <optional>
#include <weft/limit.hpp>

#include "io/errors.hpp"
#include "io/look_up.hpp"

namespace weft {
namespace {

std::error_code error_of_cares(int status) {
    switch (status) {
        case ARES_SUCCESS:
            return {};
        case ARES_ENOTFOUND:
        case ARES_ENODATA:
        case ARES_ENONAME:
        case ARES_EBADNAME:
            return resolve_error::not_found;
        case ARES_ETIMEOUT:
        case ARES_ECONNREFUSED:  // also where all servers failed
        case ARES_ESERVFAIL:
        case ARES_EREFUSED:
        case ARES_EFORMERR:
        case ARES_ENOTIMP:
        case ARES_EBADRESP:
            return resolve_error::no_answer;
        case ARES_ENOMEM:
            return std::make_error_code(std::errc::not_enough_memory);
        default:
            return resolve_error::failed;
    }
}

void check(int status) {
    if (status != ARES_SUCCESS) {
        throw std::system_error(error_of_cares(status));
    }
}

/// Needed once for each process.
void begin_cares() {
    static int const status = ares_library_init(ARES_LIB_INIT_ALL);
    check(status);
}

struct outcome {
    std::optional<int> status;
    std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> found{nullptr, &ares_freeaddrinfo};
};

class channel {
public:
    explicit channel(resolve_options const& options) : sockets_(epoll_create1(EPOLL_CLOEXEC)) {
        if (!sockets_) {
            detail::refuse("no descriptor for a name look-up");
        }
        begin_cares();
        ares_options wanted{};
        wanted.sock_state_cb = &watch;
        wanted.sock_state_cb_data = this;
        wanted.timeout = static_cast<int>(options.timeout.count());
        wanted.tries = options.tries;
        check(ares_init_options(&channel_, &wanted,
                                ARES_OPT_SOCK_STATE_CB | (wanted.timeout != 0 ? ARES_OPT_TIMEOUTMS : 0) |
                                    (wanted.tries != 0 ? ARES_OPT_TRIES : 0)));
        if (!options.servers.empty()) {
            set_servers(options.servers);
        }
    }
    channel(channel const&) = delete;
    channel& operator=(channel const&) = delete;
    ~channel() { ares_destroy(channel_); }

    void ask(std::string const& host, std::uint16_t port, int family, outcome& into) {
        ares_addrinfo_hints hints{};
        hints.ai_family = family;
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = ARES_AI_NUMERICSERV;
        ares_getaddrinfo(
            channel_, host.c_str(), std::to_string(port).c_str(), &hints,
            [](void* argument, int status, int, ares_addrinfo* found) {
                auto& o = *static_cast<outcome*>(argument);
                o.status = status;
                o.found.reset(found);
            },
            &into);
    }

    /// Waits until one of its sockets is ready, or c-ares wants to try again, and has it do so.
    WEFT_MIXED_FN void go_on(call_site where) {
        timeval time{};
        if (ares_timeout(channel_, nullptr, &time) == nullptr) {
            wait_readable(sockets_.fd(), where);
        } else {
            auto left = std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
            (void)within(
                left, [&] { wait_readable(sockets_.fd(), where); }, where);
        }
        std::array<epoll_event, 16> events;
        int count = epoll_wait(sockets_.fd(), events.data(), static_cast<int>(events.size()), 0);
        for (int i = 0; i < count; ++i) {
            epoll_event const& event = events[static_cast<std::size_t>(i)];
            bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
            ares_process_fd(channel_, broken || (event.events & EPOLLIN) != 0 ? event.data.fd : ARES_SOCKET_BAD,
                            broken || (event.events & EPOLLOUT) != 0 ? event.data.fd : ARES_SOCKET_BAD);
        }
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // what has timed out
    }

private:
    static void watch(void* data, ares_socket_t fd, int readable, int writable) {
        int set = static_cast<channel*>(data)->sockets_.fd();
        epoll_event event{(readable != 0 ? EPOLLIN : 0U) | (writable != 0 ? EPOLLOUT : 0U), {.fd = fd}};
        if (event.events == 0) {
            epoll_ctl(set, EPOLL_CTL_DEL, fd, nullptr);
        } else if (epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) != 0) {
            epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
        }
    }

    void set_servers(std::vector<endpoint> const& servers) {
        std::vector<ares_addr_port_node> nodes(servers.size());
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            ares_addr_port_node& node = nodes[i];
            node.next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
            node.family = servers[i].family();
            node.udp_port = node.tcp_port = servers[i].port();
            if (node.family == AF_INET6) {
                std::memcpy(&node.addr, &reinterpret_cast<sockaddr_in6 const*>(servers[i].data())->sin6_addr,
                            sizeof(in6_addr));
            } else {
                node.addr.addr4 = reinterpret_cast<sockaddr_in const*>(servers[i].data())->sin_addr;
            }
        }
        check(ares_set_servers_ports(channel_, nodes.data()));
    }

    descriptor sockets_;
    ares_channel channel_ = nullptr;
};

}  // namespace

std::vector<endpoint> detail::look_up(std::string const& host, std::uint16_t port, resolve_options const& options,
                                      std::error_code& ec, call_site where) {
    ec.clear();
    std::vector<endpoint> found;
    try {
        if (stop_of_caller().asked()) {
            throw_stopped("resolve");
        }
        [[maybe_unused]] loop& keeps_watch_over_the_time = loop::current();
        outcome result;
        {
            channel asked(options);
            asked.ask(host, port, options.family, result);
            while (!result.status) {
                asked.go_on(where);
            }
        }
        check(*result.status);
        for (ares_addrinfo_node const* node = result.found->nodes; node != nullptr; node = node->ai_next) {
            found.emplace_back(node->ai_addr, static_cast<socklen_t>(node->ai_addrlen));
        }
        if (found.empty()) {
            ec = resolve_error::not_found;
        }
    } catch (std::system_error const& e) {
        ec = e.code();
    }
    return found;
}

}  // namespace weft
