// The echo server on weft: a coroutine for each connection.
//
//     echo_weft [buffers]      buffers: each connection reads into a buffer of its own, and writes from that

#include <array>
#include <string_view>
#include <system_error>
#include <weft/byte_stream.hpp>
#include <weft/socket.hpp>
#include <weft/task.hpp>

#include "server.hpp"

namespace {

void serve(weft::tcp_stream& client, std::error_code& ec) {
    weft::copy(client, client, ec);
}

void serve_with_a_buffer(weft::tcp_stream& client, std::error_code& ec) {
    std::array<std::byte, echo::buffer_size> buffer;
    while (std::size_t n = client.read(buffer, ec)) {
        client.write_all(std::span(buffer).first(n), ec);
    }
}

}  // namespace

int main(int argc, char** argv) {
    echo::raise_limits();
    bool buffers = argc > 1 && argv[1] == std::string_view("buffers");
    weft::run([&] {
        weft::listen_options options;
        options.backlog = echo::backlog;
        weft::tcp_listener listener(weft::endpoint::ip("127.0.0.1", 0), options);
        echo::say_port(listener.local().port());
        for (weft::scope clients;;) {
            clients.spawn([client = listener.accept(), buffers]() mutable {
                std::error_code ec;
                (buffers ? serve_with_a_buffer : serve)(client, ec);
            });
        }
    });
}
