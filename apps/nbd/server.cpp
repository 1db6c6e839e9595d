#include "server.hpp"

#include <fmt/core.h>

#include <csignal>
#include <weft/stop_notice.hpp>

#include "arguments.hpp"
#include "log.hpp"

namespace nbd {
namespace {

using namespace std::chrono_literals;

constexpr int unix_send_buffer = 512 << 10;  ///< A reply of 256 KiB goes out at once.

/// An address may be taken for a moment by a server that was killed: its io_uring goes later than it does itself.
constexpr auto longest_wait_for_address = 1s;
constexpr auto between_looks = 50ms;

/// To accept, where descriptors or memory have run out.
constexpr auto before_next_try = 100ms;

/// When a silent client is asked if it is still there, and how often, before its connection is cut.
constexpr auto silence = 60s;
constexpr auto between_questions = 10s;
constexpr int questions = 6;

}  // namespace

exit_code server::run(weft::signals& signals) {
    loops_.emplace(options_.threads, options_.limits.spin);
    auto watching = weft::spawn({.name = "signals"}, [&] { watch(signals); });
    if (auto failed = start()) {
        for (image& each : service_.images) {
            each.take_back();
        }
        return *failed;
    }
    for (weft::listener& each : listeners_) {
        accepting_.spawn({.name = "accept"}, [this, &each] { accept_from(each); });
    }
    if (options_.live) {
        accepting_.spawn({.name = "live line"}, [this] { show_live(); });
    }
    stopping_.wait();
    finish();
    bool synced = sync_images();
    service_.tell_what_was_left_out();
    statistics const counts = service_.total();
    log("served {}, {}: {} read, {} written, {}; {}", counted(served_, "connection"),
        counted(counts.requests, "request"), human_size(counts.bytes_read), human_size(counts.bytes_written),
        counted(counts.errors, "error"), synced ? "images synced" : "IMAGES NOT SYNCED");
    return synced && counts.errors == 0 ? exit_code::clean : exit_code::io_error;
}

template <class Why>
void server::cut_all(Why why) {
    try {
        log("{}", why());
    } catch (std::bad_alloc const&) {
        lose_log_line();
    }
    clients_.cut_all();
}

void server::watch(weft::signals& signals) {
    bool asked = false;
    for (;;) {
        int which = signals.wait();
        if (which == SIGUSR1) {
            log_status();
        } else if (!std::exchange(asked, true)) {
            starting_.request_stop();
            stopping_.set();
        } else {
            cut_all(
                [&] { return fmt::format("asked to stop once more: {} cut", counted(clients_.size(), "connection")); });
        }
    }
}

/// Opens all, and then says what it has opened. Returns why the server can't serve.
std::optional<exit_code> server::start() {
    auto code = exit_code::no_image;
    try {
        weft::with_limit(starting_.get_token(), [&] {
            open_images();
            code = exit_code::cannot_listen;
            listen();
            if (options_.pid_file) {
                pid_file_.emplace(*options_.pid_file);
            }
        });
    } catch (std::system_error const& e) {
        bool stopped = starting_.stop_requested() && e.code() == std::errc::operation_canceled;
        log("{}", stopped ? "stopped before it served" : e.what());
        return stopped ? exit_code::clean : code;
    }
    for (image const& each : service_.images) {
        log("export \"{}\": {}, {}, {}", each.name(), each.path().string(), human_size(each.size()),
            each.read_only() ? "read-only" : "read-write");
    }
    for (weft::listener const& each : listeners_) {
        log("listening on {}", each.local().text());
    }
    return std::nullopt;
}

void server::open_images() {
    service_.images.reserve(options_.images.size());
    for (auto const& [name, path, description] : options_.images) {
        image& opened = service_.images.emplace_back(name, path, options_.read_only, options_.create_size);
        opened.describe(description);
    }
}

void server::listen() {
    for (int fd : options_.listening) {
        listeners_.emplace_back(weft::descriptor(fd));
    }
    if (options_.unix_path) {
        listen_on(weft::endpoint::unix_path(*options_.unix_path), {});
    }
    if (options_.listen) {
        auto [host, port] = split_address(*options_.listen);
        auto addresses = weft::resolve(host, port);
        if (port == "0") {
            addresses.resize(1);  // several would have several ports
        }
        std::size_t before = listeners_.size();
        for (weft::endpoint const& each : addresses) {
            try {
                weft::listen_options how;
                how.ipv6_only = addresses.size() > 1 && each.family() == AF_INET6;
                listen_on(each, how);
            } catch (std::system_error const& e) {
                bool last = &each == &addresses.back() && listeners_.size() == before;
                bool not_here =
                    e.code() == std::errc::address_not_available || e.code() == std::errc::address_family_not_supported;
                if (last || !not_here) {  // a host without IPv6 may name an address of it all the same
                    throw;
                }
            }
        }
    }
}

void server::listen_on(weft::endpoint const& address, weft::listen_options const& how) {
    for (auto end = weft::clock::now() + longest_wait_for_address;;) {
        try {
            listeners_.emplace_back(address, how);
            return;
        } catch (std::system_error const& e) {
            if (e.code() != std::errc::address_in_use || weft::clock::now() >= end) {
                throw;
            }
        }
        weft::sleep_for(between_looks);
    }
}

void server::accept_from(weft::listener& from) {
    std::error_code said;
    while (!weft::stop_requested()) {
        try {
            accept_one(from, said);
        } catch (std::bad_alloc const&) {
            lose_log_line();
            weft::sleep_for(before_next_try);
        }
    }
}

/// `said`: the error that was logged last.
void server::accept_one(weft::listener& from, std::error_code& said) {
    std::error_code ec;
    weft::descriptor accepted = from.accept_any(ec);
    if (!ec) {
        said.clear();
        admit(weft::stream(std::move(accepted)));
    } else if (ec != std::errc::operation_canceled) {
        // Whatever it is (accept(2) names a dozen errors of the network and of want), it may pass.
        if (std::exchange(said, ec) != ec) {
            log("cannot accept a connection for now: {}", ec.message());
        }
        weft::sleep_for(before_next_try);
    }
}

void server::admit(weft::stream stream) {
    share place = share::attempt(places_, 1);
    if (place) {
        said_full_ = false;
    } else {
        if (!std::exchange(said_full_, true)) {
            log("{}: no more are served until one leaves",
                counted(static_cast<std::uint64_t>(options_.max_connections), "connection"));
        }
        place = share(places_, 1);
    }
    std::uint64_t number = ++served_;
    try {
        connections_.spawn({.name = "client"}, [this, s = std::move(stream), place = std::move(place),
                                                number]() mutable { serve(std::move(s), number); });
    } catch (std::system_error const& e) {
        complain(number, e);
    }
}

void server::complain(std::uint64_t number, std::exception const& e) {
    if (service_.complaints.allow()) {
        log("client {}: {}", number, e.what());
    }
}

/// Serves one client, on one of the loops, and whatever happens to it, nobody else learns of it.
void server::serve(weft::stream stream, std::uint64_t number) {
    try {
        loops_->visit([&](std::size_t loop) { serve_here(std::move(stream), number, service_.counts[loop]); });
    } catch (std::bad_alloc const& e) {
        complain(number, e);
    }
}

/// `counts`: of the calling thread's loop.
void server::serve_here(weft::stream stream, std::uint64_t number, counters& counts) {
    try {
        weft::endpoint peer = stream.peer();
        if (peer.family() == AF_UNIX) {
            stream.set_send_buffer(unix_send_buffer);
        } else if (peer.family() == AF_INET || peer.family() == AF_INET6) {
            stream.set_no_delay(true);
            stream.set_keep_alive(silence, between_questions, questions);
        }
        connection client(std::move(stream), fmt::format("client {} ({})", number, peer.text()), service_, counts);
        one_more connected(counts.connections);
        client_list::entry listed(clients_, client);
        client.serve();
        bool last = listed.leave();
        if (options_.exit_when_idle && client.chose_an_export() && last) {
            stopping_.set();
        }
    } catch (std::exception const& e) {
        complain(number, e);
    }
}

void server::finish() {
    accepting_.cancel();
    accepting_.join();
    listeners_.clear();
    pid_file_.reset();
    connections_.cancel();  // ends their reading; what they have begun they finish
    auto deadline = weft::spawn({.name = "drain deadline"}, [this] {
        weft::sleep_for(options_.drain);
        cut_all([&] {
            return fmt::format("{} still not finished after {} seconds: cut", counted(clients_.size(), "connection"),
                               options_.drain.count());
        });
    });
    connections_.join();
    show_live_line("");
}

bool server::sync_images() {
    bool all = true;
    for (image& each : service_.images) {
        std::error_code ec;
        if (!each.read_only()) {
            each.sync(ec);
        }
        if (ec) {
            log("export \"{}\": cannot sync {}: {}", each.name(), each.path().string(), ec.message());
            all = false;
        }
    }
    return all;
}

void server::log_status() const {
    statistics const counts = service_.total();
    try {
        log("status: {}, {} in flight, {}, {} read, {} written", counted(counts.connections, "connection"),
            counted(counts.in_flight, "request"), counted(weft::coroutine_count(), "coroutine"),
            human_size(counts.bytes_read), human_size(counts.bytes_written));
    } catch (std::bad_alloc const&) {
        lose_log_line();
    }
}

void server::show_live() {
    statistics before = service_.total();
    for (auto then = weft::clock::now();;) {
        weft::sleep_for(500ms);
        auto now = weft::clock::now();
        show_live_once(before, std::chrono::duration<double>(now - then).count());
        before = service_.total();
        then = now;
    }
}

void server::show_live_once(statistics const& before, double seconds) const {
    statistics const counts = service_.total();
    auto rate = [&](std::uint64_t was, std::uint64_t is) { return static_cast<double>(is - was) / seconds / 1e6; };
    try {
        show_live_line(fmt::format("{}, {} in flight, {:.1f} MB/s in, {:.1f} MB/s out, {}   (Ctrl-C stops)",
                                   counted(counts.connections, "connection"), counted(counts.in_flight, "request"),
                                   rate(before.bytes_written, counts.bytes_written),
                                   rate(before.bytes_read, counts.bytes_read),
                                   counted(weft::coroutine_count(), "coroutine")));
    } catch (std::bad_alloc const&) {
        show_live_line("");
    }
}

}  // namespace nbd
