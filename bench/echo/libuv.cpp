// The echo server on libuv: tries to write at once, as libuv's own benchmarks do.

#include <uv.h>

#include <cstring>

#include "server.hpp"

namespace {

char buffer[echo::buffer_size];

void lend_buffer(uv_handle_t*, std::size_t, uv_buf_t* into) {
    *into = uv_buf_init(buffer, sizeof buffer);
}

void close_it(uv_stream_t* client) {
    uv_close(reinterpret_cast<uv_handle_t*>(client), [](uv_handle_t* h) { delete reinterpret_cast<uv_tcp_t*>(h); });
}

struct rest : uv_write_t {
    char bytes[echo::buffer_size];
};

void echo_what_came(uv_stream_t* client, ssize_t n, uv_buf_t const* from) {
    if (n < 0) {
        close_it(client);
        return;
    }
    auto size = static_cast<std::size_t>(n);
    uv_buf_t all = uv_buf_init(from->base, static_cast<unsigned>(size));
    int sent = uv_try_write(client, &all, 1);
    auto done = static_cast<std::size_t>(sent < 0 ? 0 : sent);
    if (done == size) {
        return;
    }
    auto* write = new rest;
    std::memcpy(write->bytes, from->base + done, size - done);
    uv_buf_t left = uv_buf_init(write->bytes, static_cast<unsigned>(size - done));
    uv_write(write, client, &left, 1, [](uv_write_t* w, int) { delete static_cast<rest*>(w); });
}

void accept_one(uv_stream_t* listener, int status) {
    if (status < 0) {
        return;
    }
    auto* client = new uv_tcp_t;
    uv_tcp_init(listener->loop, client);
    if (uv_accept(listener, reinterpret_cast<uv_stream_t*>(client)) != 0) {
        close_it(reinterpret_cast<uv_stream_t*>(client));
        return;
    }
    uv_read_start(reinterpret_cast<uv_stream_t*>(client), lend_buffer, echo_what_came);
}

}  // namespace

int main() {
    echo::raise_limits();
    uv_loop_t* loop = uv_default_loop();
    uv_tcp_t listener;
    uv_tcp_init(loop, &listener);
    sockaddr_in address = echo::any_port();
    int size = sizeof address;
    uv_tcp_bind(&listener, reinterpret_cast<sockaddr*>(&address), 0);
    if (uv_listen(reinterpret_cast<uv_stream_t*>(&listener), echo::backlog, accept_one) != 0) {
        echo::fail("listen");
    }
    uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &size);
    echo::say_port(ntohs(address.sin_port));
    return uv_run(loop, UV_RUN_DEFAULT);
}
