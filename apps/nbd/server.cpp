#include "server.hpp"

#include <fmt/core.h>

#include <csignal>

#include "log.hpp"

namespace nbd {
namespace {

using namespace std::chrono_literals;

constexpr int unix_send_buffer = 512 << 10;  ///< A reply of 256 KiB goes out at once.

bool out_of_resources(std::error_code const& ec) {
    return ec == std::errc::too_many_files_open || ec == std::errc::too_many_files_open_in_system ||
           ec == std::errc::no_buffer_space || ec == std::errc::not_enough_memory;
}

/// HOST and PORT of HOST:PORT; of [HOST]:PORT where the host is an IPv6 address.
std::pair<std::string, std::string> split(std::string const& address) {
    std::size_t colon = address.rfind(':');
    if (colon == std::string::npos) {
        return {address, "10809"};
    }
    std::string host = address.substr(0, colon);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    return {host, address.substr(colon + 1)};
}

}  // namespace

exit_code server::run(weft::signals& signals) {
    weft::loop::current().set_spin(options_.spin);
    try {
        open_images();
    } catch (std::system_error const& e) {
        log("{}", e.what());
        return exit_code::no_image;
    }
    try {
        listen();
    } catch (std::system_error const& e) {
        log("{}", e.what());
        return exit_code::cannot_listen;
    }
    for (weft::listener& each : listeners_) {
        accepting_.spawn({.name = "accept"}, [this, &each] { accept_from(each); });
    }
    if (options_.live) {
        accepting_.spawn({.name = "live line"}, [this] { show_live(); });
    }
    wait_for_stop(signals);
    finish();
    bool synced = sync_images();
    log("served {}, {}: {} read, {} written, {}; {}", counted(counts_.connections_served, "connection"),
        counted(counts_.requests, "request"), human_size(counts_.bytes_read), human_size(counts_.bytes_written),
        counted(counts_.errors, "error"), synced ? "images synced" : "IMAGES NOT SYNCED");
    return synced && counts_.errors == 0 ? exit_code::clean : exit_code::io_error;
}

void server::open_images() {
    for (auto const& [name, path] : options_.images) {
        image const& opened = images_.emplace_back(name, path, options_.read_only, options_.create_size);
        log("export \"{}\": {}, {}, {}", opened.name(), opened.path().string(), human_size(opened.size()),
            opened.read_only() ? "read-only" : "read-write");
    }
}

void server::listen() {
    if (options_.unix_path) {
        listeners_.emplace_back(weft::endpoint::unix_path(*options_.unix_path));
    }
    if (options_.listen) {
        auto [host, port] = split(*options_.listen);
        listeners_.emplace_back(weft::resolve(host, port).front());
    }
    for (weft::listener const& each : listeners_) {
        log("listening on {}", each.local().text());
    }
}

void server::accept_from(weft::listener& from) {
    bool complained = false;
    for (;;) {
        std::error_code ec;
        weft::descriptor accepted = from.accept_any(ec);
        if (!ec) {
            complained = false;
            std::uint64_t number = ++counts_.connections_served;
            connections_.spawn({.name = "client"}, [this, s = weft::stream(std::move(accepted)), number]() mutable {
                serve(std::move(s), number);
            });
        } else if (out_of_resources(ec)) {
            if (!std::exchange(complained, true)) {
                log("cannot accept a connection for now: {}", ec.message());
            }
            weft::sleep_for(100ms);
        } else if (ec == std::errc::operation_canceled) {
            return;
        } else {
            throw std::system_error(ec, "accept");
        }
    }
}

void server::serve(weft::stream stream, std::uint64_t number) {
    weft::endpoint peer = stream.peer();
    if (peer.family() == AF_UNIX) {
        stream.set_send_buffer(unix_send_buffer);
    } else {
        stream.set_no_delay(true);
    }
    connection client(std::move(stream), fmt::format("client {} ({})", number, peer.text()), images_, buffers_, counts_,
                      options_.max_in_flight);
    auto place = clients_.insert(clients_.end(), &client);
    ++counts_.connections;
    client.serve();
    --counts_.connections;
    clients_.erase(place);
}

void server::wait_for_stop(weft::signals& signals) {
    while (signals.wait() == SIGUSR1) {
        log_status();
    }
}

void server::finish() {
    accepting_.cancel();
    accepting_.join();
    listeners_.clear();
    connections_.cancel();  // ends their reading; what they have begun they finish
    auto deadline = weft::spawn({.name = "drain deadline"}, [this] {
        weft::sleep_for(options_.drain);
        log("{} still not finished after {} seconds: cut", counted(clients_.size(), "connection"),
            options_.drain.count());
        for (connection* each : clients_) {
            each->cut();
        }
    });
    connections_.join();
    show_live_line("");
}

bool server::sync_images() {
    bool all = true;
    for (image& each : images_) {
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
    log("status: {}, {} in flight, {}, {} read, {} written", counted(counts_.connections, "connection"),
        counted(counts_.in_flight, "request"), counted(weft::coroutine_count(), "coroutine"),
        human_size(counts_.bytes_read), human_size(counts_.bytes_written));
}

void server::show_live() {
    statistics before = counts_;
    for (auto then = weft::clock::now();;) {
        weft::sleep_for(500ms);
        auto now = weft::clock::now();
        double seconds = std::chrono::duration<double>(now - then).count();
        auto rate = [&](std::uint64_t was, std::uint64_t is) { return static_cast<double>(is - was) / seconds / 1e6; };
        show_live_line(fmt::format("{}, {} in flight, {:.1f} MB/s in, {:.1f} MB/s out, {}   (Ctrl-C stops)",
                                   counted(counts_.connections, "connection"), counted(counts_.in_flight, "request"),
                                   rate(before.bytes_written, counts_.bytes_written),
                                   rate(before.bytes_read, counts_.bytes_read),
                                   counted(weft::coroutine_count(), "coroutine")));
        before = counts_;
        then = now;
    }
}

}  // namespace nbd
