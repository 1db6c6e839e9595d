// A program of GLib's, as one with windows is, that talks to the network by coroutines: weft's loop is a part of its main
// loop, so all is in one thread and nothing needs a lock.

#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <weft/adapter/glib.hpp>
#include <weft/buffered.hpp>
#include <weft/task.hpp>
#include <weft/tcp.hpp>

namespace {

constexpr char usage[] = R"(usage: example_adapter_glib

A timer of GLib's counts. Who connects to the port of 127.0.0.1 that it names gets the count for each line that it sends.
SIGINT and SIGTERM end it.
)";

unsigned count = 0;

gboolean tick(gpointer) {
    ++count;
    return G_SOURCE_CONTINUE;
}

gboolean quit(gpointer main) {
    g_main_loop_quit(static_cast<GMainLoop*>(main));
    return G_SOURCE_CONTINUE;
}

void answer(weft::tcp_stream& client) {
    weft::buffered_reader in(client);
    while (in.read_line()) {
        client.write_all(weft::bytes_of(std::to_string(count) + "\n"));
    }
}

/// Until it is cancelled.
void serve() {
    weft::tcp_listener listener(weft::endpoint::ip("127.0.0.1", 0));
    std::fprintf(stderr, "glib: listening on %s\n", listener.local().text().c_str());
    weft::scope clients;
    for (;;) {
        clients.spawn([client = listener.accept()]() mutable {
            try {
                answer(client);
            } catch (std::system_error const& e) {
                std::fprintf(stderr, "glib: a client: %s\n", e.what());
            }
        });
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 1) {
        bool help = argc == 2 && argv[1] == std::string("--help");
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    try {
        GMainLoop* main = g_main_loop_new(nullptr, FALSE);
        g_timeout_add(10, &tick, nullptr);
        g_unix_signal_add(SIGINT, &quit, main);
        g_unix_signal_add(SIGTERM, &quit, main);

        weft::adapter::loop_in_glib tasks;
        weft::task<void> serving = weft::spawn([] { serve(); });  // is cancelled at the end, and waited for
        g_main_loop_run(main);
        g_main_loop_unref(main);
    } catch (std::exception const& e) {
        std::fprintf(stderr, "glib: %s\n", e.what());
        return 1;
    }
}
