// Serves the files of a directory over HTTP/1.1: keep-alive, ranges, sendfile. A coroutine for each client.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <weft/buffered.hpp>
#include <weft/directory.hpp>
#include <weft/limit.hpp>
#include <weft/resolve.hpp>
#include <weft/tcp.hpp>
#include <weft/when.hpp>

#include "http_request.hpp"

namespace {

using std::chrono::seconds;

constexpr char usage[] = R"(usage: example_http DIRECTORY [HOST PORT [SECONDS]]

Serves the files of DIRECTORY, on 127.0.0.1 8080 unless told otherwise; port 0 takes a free one. A client has so many
seconds (30; up to 86400) for each request, and for each MiB that it is sent. SIGINT and SIGTERM end it.
)";

/// What is to be sent, and the file that it is sent from: none if that can't be had.
http::response find(weft::directory const& site, http::request const& r, weft::file& file) {
    if (!r.refusal.empty()) {
        return {r.refusal, "", {}};
    }
    std::string name = r.path.substr(1) + (r.path.ends_with('/') ? "index.html" : "");
    std::error_code ec;
    weft::file_status about = site.status(name, ec);
    bool forbidden = ec == std::errc::cross_device_link /* it leads out */ || ec == std::errc::permission_denied;
    if (ec || about.type != std::filesystem::file_type::regular) {  // to open a FIFO would take a writer
        return {forbidden ? "403 Forbidden" : "404 Not Found", "", {}};
    }
    file = site.open_file(name, weft::file::mode::read);
    std::uint64_t size = file.size();
    auto changed = about.modified.time_since_epoch().count();
    return http::respond(r, size, '"' + std::to_string(changed) + '-' + std::to_string(size) + '"');
}

/// Returns whether the client may make another request.
bool answer(weft::tcp_stream& client, weft::directory const& site, http::request const& request, seconds patience) {
    weft::file file;
    http::response r = find(site, request, file);
    std::string head = http::head_of(r, request.keep_alive);
    weft::with_limit(patience, [&] { client.write_all(weft::bytes_of(head)); });
    std::uint64_t at = r.part.first;
    std::uint64_t left = r.part.length;
    while (request.method != "HEAD" && left > 0) {
        std::uint64_t piece = std::min<std::uint64_t>(left, 1 << 20);
        if (weft::with_limit(patience, [&] { return client.send_file(file, at, piece); }) < piece) {
            return false;  // it has become shorter: the end of the connection says so
        }
        at += piece;
        left -= piece;
    }
    return request.keep_alive;
}

void serve(weft::tcp_stream& client, weft::directory const& site, seconds patience) {
    client.set_no_delay(true);
    weft::buffered_reader in(client);
    std::string_view head;
    do {
        head = weft::with_limit(patience, [&] { return in.read_until(http::end_of_head, http::most_head); });
    } while (head.ends_with(http::end_of_head) && answer(client, site, http::parse_request(head), patience));
    client.shutdown_write();  // and read on, or else a reset might overtake the answer (RFC 9112, 9.6)
    weft::with_limit(patience, [&] { return weft::read_all(client, 1 << 20); });
}

/// Until it is cancelled.
void listen(weft::tcp_listener& listener, weft::directory const& site, seconds patience) {
    for (weft::scope clients;;) {
        clients.spawn([&, client = listener.accept()]() mutable {
            try {
                serve(client, site, patience);
            } catch (std::system_error const& e) {
                if (e.code() != std::errc::operation_canceled) {
                    std::fprintf(stderr, "http: a client: %s\n", e.what());
                }
            }
        });
    }
}

}  // namespace

int main(int argc, char** argv) {
    bool help = argc == 2 && argv[1] == std::string("--help");
    std::uint64_t patience = 30;
    bool understood = argc == 2 || argc == 4 || (argc == 5 && http::number(argv[4], patience));
    if (help || !understood || patience == 0 || patience > 86400) {
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    std::string host = argc > 2 ? argv[2] : "127.0.0.1", port = argc > 2 ? argv[3] : "8080";
    try {
        weft::signals stop({SIGINT, SIGTERM});
        weft::run([&] {
            weft::directory site = weft::directory::open(argv[1]);
            weft::tcp_listener listener(weft::resolve(host, port).front());
            std::fprintf(stderr, "http: listening on %s\n", listener.local().text().c_str());
            weft::task<void> serving = weft::spawn([&] { listen(listener, site, seconds(patience)); });
            if (weft::select(weft::when::arrived(stop), weft::when::ended(serving)).index() == 1) {
                serving.join();  // throws why it has ended
            }
        });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "http: %s\n", e.what());
        return 1;
    }
}
