// A program of Asio's in which new code is written as coroutines: handlers accept, a task talks to each client. That is how
// a server moves over, a piece at a time.

#include <array>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <system_error>
#include <weft/adapter/asio.hpp>
#include <weft/task.hpp>
#include <weft/tcp.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/signal_set.hpp>

namespace {

constexpr char usage[] = R"(usage: example_adapter_asio

Sends back what each client sends, on the port of 127.0.0.1 that it names. SIGINT and SIGTERM end it.
)";

void echo(weft::tcp_stream& client) {
    std::array<std::byte, 4096> buffer;
    try {
        while (std::size_t n = client.read(buffer)) {
            client.write_all(std::span(buffer).first(n));
        }
    } catch (std::system_error const& e) {
        std::fprintf(stderr, "asio: a client: %s\n", e.what());
    }
}

class server {
public:
    explicit server(asio::io_context& context) : acceptor_(context, {asio::ip::address_v4::loopback(), 0}) {
        std::fprintf(stderr, "asio: listening on 127.0.0.1:%d\n", int{acceptor_.local_endpoint().port()});
        accept();
    }

private:
    void accept() {
        acceptor_.async_accept([this](asio::error_code error, asio::ip::tcp::socket socket) {
            if (error) {
                throw std::system_error(error, "accept");  // out of context.run()
            }
            clients_.spawn([client = weft::tcp_stream(weft::descriptor(socket.release()))]() mutable { echo(client); });
            accept();
        });
    }

    asio::ip::tcp::acceptor acceptor_;
    weft::scope clients_;  // at the end those that are left are cancelled, and waited for
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 1) {
        bool help = argc == 2 && argv[1] == std::string("--help");
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    try {
        asio::io_context context;
        weft::adapter::loop_in_asio tasks(context);
        asio::signal_set stop(context, SIGINT, SIGTERM);
        stop.async_wait([&](asio::error_code, int) { context.stop(); });
        server serving(context);
        context.run();
    } catch (std::exception const& e) {
        std::fprintf(stderr, "asio: %s\n", e.what());
        return 1;
    }
}
