// The server of the I/O soak: what examples/echo.cpp does, and weft-nbd's connections, some of which it ends at random.

#include <array>
#include <chrono>
#include <optional>
#include <system_error>
#include <weft/limit.hpp>
#include <weft/task.hpp>
#include <weft/tcp.hpp>

#include "io.hpp"
#include "nbd/connection.hpp"
#include "nbd/log.hpp"

namespace soak {
namespace {

using namespace std::chrono_literals;

/// Serves a connection, and at random ends that before its time: by a limit, as a task that is cancelled, or by `cut`.
template <class Serve, class Cut>
void with_faults(world& w, random_numbers random, Serve serve_it, Cut cut) {
    auto time = std::chrono::microseconds(random.below(20'000));
    bool met = false;
    switch (w.calm ? 3 : random.below(10)) {
        case 0: {
            weft::limited limit(time);
            serve_it();
            met = limit.met();
            break;
        }
        case 1: {
            weft::scope one;
            one.spawn([&] { serve_it(); });
            met = !weft::within(time, [&] { one.join(); });
            break;
        }
        case 2: {
            weft::scope one;
            one.spawn([&] {
                weft::sleep_for(time);
                met = true;
                cut();
            });
            serve_it();
            break;
        }
        default:
            serve_it();
    }
    if (met) {
        w.inflicted.add();
    }
}

/// One that is not served to its end is reset, so that the client can tell.
void echo(weft::tcp_stream& client) {
    std::array<std::byte, 4096> buffer;
    try {
        while (std::size_t n = client.read(buffer)) {
            client.write_all(std::span(buffer).first(n));
        }
    } catch (std::system_error const&) {
        client.set_linger(0s);
    }
}

/// Until it is cancelled.
template <class Serve>
void accept_clients(world& w, weft::tcp_listener& listener, weft::scope& clients, Serve serve_one) {
    for (;;) {
        weft::tcp_stream client = listener.accept();
        client.set_no_delay(true);
        std::uint64_t number = w.connections.begin();
        clients.spawn([&w, serve_one, number, client = std::move(client)]() mutable {
            serve_one(std::move(client), random_numbers(seed + number));
            w.connections.end(number);
        });
    }
}

}  // namespace

void serve(world& w, std::string const& image) {
    nbd::log_to(-1);
    nbd::service disk({.max_in_flight = 8, .max_memory = 4 << 20});
    disk.images.emplace_back("disk", image, false, std::nullopt);

    weft::tcp_listener for_echo(weft::endpoint::ip("127.0.0.1", 0)), for_disk(weft::endpoint::ip("127.0.0.1", 0));
    w.echo = for_echo.local();
    w.disk = for_disk.local();
    weft::scope clients, all;
    all.spawn([&] {
        accept_clients(w, for_echo, clients, [&w](weft::tcp_stream client, random_numbers random) {
            with_faults(
                w, random, [&] { echo(client); }, [] {});
        });
    });
    all.spawn([&] {
        accept_clients(w, for_disk, clients, [&](weft::tcp_stream client, random_numbers random) {
            nbd::connection one(std::move(client), "client", disk, disk.counts[0]);
            with_faults(
                w, random, [&] { one.serve(); }, [&] { one.cut(); });
        });
    });
    w.ready.set();
    w.closing.wait();
    all.cancel();
    all.join();
    REQUIRE(clients.size() == 0);
    REQUIRE(disk.total().in_flight == 0 && disk.total().errors == 0);
    REQUIRE(disk.memory.available() == disk.limits.max_memory);
}

}  // namespace soak
