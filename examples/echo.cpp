// Sends back what each client sends. A coroutine for each client, all in one thread.

#include <array>
#include <chrono>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <weft/limit.hpp>
#include <weft/resolve.hpp>
#include <weft/signals.hpp>
#include <weft/task.hpp>
#include <weft/tcp.hpp>

namespace {

using namespace std::chrono_literals;

constexpr char usage[] = R"(usage: example_echo [HOST PORT]

Sends back what each client sends, until that ends its side. Listens on 127.0.0.1 7777 unless told otherwise; port 0 takes
a free one. A client that sends nothing, or takes nothing, for a minute is left.

Signals: SIGINT and SIGTERM end it; SIGUSR1 has it say how many clients there are.
)";

constexpr auto patience = 1min;

void echo(weft::tcp_stream& client) {
    std::array<std::byte, 4096> buffer;
    while (std::size_t n = weft::with_limit(patience, [&] { return client.read(buffer); })) {
        weft::with_limit(patience, [&] { client.write_all(std::span(buffer).first(n)); });
    }
}

/// Until it is cancelled. What goes wrong with one client is no matter to the others.
void accept_clients(weft::tcp_listener& listener, weft::scope& clients) {
    for (;;) {
        clients.spawn([client = listener.accept()]() mutable {
            std::string who = client.peer().text();
            try {
                echo(client);
            } catch (std::system_error const& e) {
                if (e.code() != std::errc::operation_canceled) {
                    std::fprintf(stderr, "echo: client %s: %s\n", who.c_str(), e.what());
                }
            }
        });
    }
}

void serve(std::string const& host, std::string const& port, weft::signals& signals) {
    weft::tcp_listener listener(weft::resolve(host, port).front());
    std::fprintf(stderr, "echo: listening on %s\n", listener.local().text().c_str());
    weft::scope clients, all;
    all.spawn([&] { accept_clients(listener, clients); });
    all.spawn([&] {
        while (signals.wait() == SIGUSR1) {
            std::fprintf(stderr, "echo: status: %zu clients, %" PRIu64 " coroutines\n", clients.size(),
                         weft::coroutine_count());
        }
        all.cancel();
    });
    all.join();
}  // the clients that are left are cancelled, and waited for

}  // namespace

int main(int argc, char** argv) {
    bool help = argc == 2 && argv[1] == std::string_view("--help");
    if (help || (argc != 1 && argc != 3)) {
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    try {
        weft::signals signals({SIGINT, SIGTERM, SIGUSR1});
        weft::run([&] { serve(argc == 3 ? argv[1] : "127.0.0.1", argc == 3 ? argv[2] : "7777", signals); });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "echo: %s\n", e.what());
        return 1;
    }
}
