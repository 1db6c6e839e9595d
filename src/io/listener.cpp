// Floor: io

#include <weft/listener.hpp>

#include "io/bind.hpp"
#include "io/system_call.hpp"

namespace weft {
namespace {

/// Nobody tells when there are descriptors or memory again: short against a client's patience, long against the cost of a
/// look.
constexpr std::chrono::milliseconds between_looks{50};

/// See accept(2), "Errors".
bool has_run_out(std::error_code const& ec) {
    return ec == std::errc::too_many_files_open || ec == std::errc::too_many_files_open_in_system ||
           ec == std::errc::no_buffer_space || ec == std::errc::not_enough_memory;
}

}  // namespace

listener::listener(endpoint const& address, listen_options const& options)
    : socket_(detail::make_socket(address, SOCK_STREAM)) {
    path_ = detail::bind_to(fd(), address, SOCK_STREAM, options);
    if (::listen(fd(), options.backlog) != 0) {
        detail::refuse("cannot listen on " + address.text());
    }
}

descriptor listener::accept_any(std::error_code& ec, call_site where) {
    for (;;) {
        operation op{.what = operation::kind::accept, .expect_to_wait = true, .fd = fd()};
        std::size_t accepted = detail::run_operation(op, "a connection", ec, where);
        if (!ec) {
            return descriptor(static_cast<int>(accepted));
        }
        // The peer gave up while it was queued (accept(2), "Error handling"): that is no fault of ours.
        if (ec != std::errc::connection_aborted && ec != std::errc::protocol_error) {
            return {};
        }
    }
}

descriptor listener::accept_when_possible(std::error_code& ec, call_site where) {
    for (;;) {
        descriptor accepted = accept_any(ec, where);
        if (!has_run_out(ec)) {
            return accepted;
        }
        if (!detail::pause(between_looks, ec, where)) {
            return {};
        }
    }
}

}  // namespace weft
