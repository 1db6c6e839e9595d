// The echo server on Asio: callbacks.

#define ASIO_STANDALONE
#include <array>
#include <asio.hpp>
#include <memory>

#include "server.hpp"

namespace {

using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp::socket socket) : socket_(std::move(socket)) {}

    void read() {
        socket_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](std::error_code ec, std::size_t n) {
            if (!ec) {
                self->write(n);
            }
        });
    }

private:
    void write(std::size_t n) {
        asio::async_write(socket_, asio::buffer(buffer_, n),
                          [self = shared_from_this()](std::error_code ec, std::size_t) {
                              if (!ec) {
                                  self->read();
                              }
                          });
    }

    tcp::socket socket_;
    std::array<char, echo::buffer_size> buffer_;
};

void accept_on(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](std::error_code ec, tcp::socket socket) {
        if (!ec) {
            std::make_shared<session>(std::move(socket))->read();
        }
        accept_on(acceptor);
    });
}

}  // namespace

int main() {
    echo::raise_limits();
    asio::io_context context(1);  // one thread: no locks
    tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    acceptor.listen(echo::backlog);
    echo::say_port(acceptor.local_endpoint().port());
    accept_on(acceptor);
    context.run();
}
