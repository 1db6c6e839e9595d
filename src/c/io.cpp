// Floor: c

#include <netinet/in.h>

#include <memory>
#include <weft/file.hpp>
#include <weft/socket.hpp>

#include "c/face.hpp"

using namespace weft;
using namespace weft::c;

struct weft_stream {
    explicit weft_stream(stream from) : s(std::move(from)) {}
    stream s;
};
struct weft_listener {
    listener l;
};
struct weft_file {
    file f;
};

namespace {

/// What `f(ec)` returns, or the error that it sets.
template <class F>
ssize_t count_or_error(F&& f) noexcept {
    return or_error([&] {
        std::error_code ec;
        auto n = static_cast<ssize_t>(f(ec));
        return ec ? ssize_t{error_of(ec)} : n;
    });
}
template <class F>
int done_or_error(F&& f) noexcept {
    return or_error([&] {
        std::error_code ec;
        f(ec);
        return ec ? error_of(ec) : 0;
    });
}

/// Puts what `make()` makes into *result.
template <class Handle, class F>
int put(Handle** result, F&& make) noexcept {
    *result = nullptr;
    return or_error([&] {
        *result = new (std::nothrow) Handle{make()};
        return *result != nullptr ? 0 : -ENOMEM;
    });
}

/// Does it with the first of the addresses with which it can be done.
template <class F>
auto with_one_of(std::vector<endpoint> const& addresses, F&& f) -> std::invoke_result_t<F, endpoint const&> {
    for (endpoint const& address : addresses) {
        try {
            return f(address);
        } catch (std::system_error const& e) {
            if (&address == &addresses.back() || detail::stop_of_caller().asked()) {
                throw;
            }
        }
    }
    throw std::system_error(std::make_error_code(std::errc::host_unreachable));
}

std::span<std::byte> bytes(void* buffer, std::size_t size) {
    return {static_cast<std::byte*>(buffer), size};
}
std::span<std::byte const> bytes(void const* buffer, std::size_t size) {
    return {static_cast<std::byte const*>(buffer), size};
}

}  // namespace

extern "C" {

int weft_wait_readable_at(int fd, weft_call_site where) {
    return or_error([&] { wait_readable(fd, call_site_of(where)); });
}

int weft_wait_writable_at(int fd, weft_call_site where) {
    return or_error([&] { wait_writable(fd, call_site_of(where)); });
}

int weft_connect_at(weft_stream** s, char const* host, char const* service, weft_call_site where) {
    return put(s, [&]() -> stream {
        return with_one_of(resolve(host, service, call_site_of(where)),
                           [&](endpoint const& address) { return tcp_stream::connect(address, call_site_of(where)); });
    });
}

int weft_connect_unix_at(weft_stream** s, char const* path, weft_call_site where) {
    return put(s, [&]() -> stream { return unix_stream::connect(endpoint::unix_path(path), call_site_of(where)); });
}

int weft_stream_pair(weft_stream* streams[2]) {
    streams[0] = streams[1] = nullptr;
    return or_error([&] {
        auto [first, second] = unix_stream_pair();
        auto a = std::make_unique<weft_stream>(std::move(first));
        auto b = std::make_unique<weft_stream>(std::move(second));
        streams[0] = a.release();
        streams[1] = b.release();
    });
}

int weft_stream_adopt(weft_stream** s, int fd) {
    *s = new (std::nothrow) weft_stream{stream()};
    if (*s == nullptr) {
        return -ENOMEM;
    }
    (*s)->s = stream(descriptor(fd));
    return 0;
}

ssize_t weft_stream_read_at(weft_stream* s, void* buffer, size_t size, weft_call_site where) {
    return count_or_error([&](auto& ec) { return s->s.read(bytes(buffer, size), ec, call_site_of(where)); });
}

ssize_t weft_stream_read_exact_at(weft_stream* s, void* buffer, size_t size, weft_call_site where) {
    return count_or_error([&](auto& ec) { return s->s.read_exact(bytes(buffer, size), ec, call_site_of(where)); });
}

ssize_t weft_stream_write_all_at(weft_stream* s, void const* buffer, size_t size, weft_call_site where) {
    return count_or_error([&](auto& ec) { return s->s.write_all(bytes(buffer, size), ec, call_site_of(where)); });
}

ssize_t weft_stream_writev_all_at(weft_stream* s, iovec* buffers, size_t count, weft_call_site where) {
    return count_or_error([&](auto& ec) { return s->s.write_all(std::span(buffers, count), ec, call_site_of(where)); });
}

void weft_stream_shutdown(weft_stream* s) {
    s->s.shutdown();
}

int weft_stream_set_no_delay(weft_stream* s, bool on) {
    return or_error([&] { s->s.set_no_delay(on); });
}

int weft_stream_fd(weft_stream const* s) {
    return s->s.fd();
}

void weft_stream_close(weft_stream* s) {
    delete s;
}

int weft_listen(weft_listener** l, char const* host, char const* service) {
    return put(l, [&] {
        return with_one_of(resolve(host, service), [](endpoint const& address) { return listener(address); });
    });
}

int weft_listen_unix(weft_listener** l, char const* path) {
    return put(l, [&] { return listener(endpoint::unix_path(path)); });
}

int weft_accept_at(weft_listener* l, weft_stream** s, weft_call_site where) {
    return put(s, [&] {
        return stream(detail::or_throw("accept", [&](auto& ec) { return l->l.accept_any(ec, call_site_of(where)); }));
    });
}

int weft_listener_port(weft_listener const* l) {
    endpoint here = l->l.local();
    auto const* address = here.data();
    in_port_t port = 0;
    if (here.family() == AF_INET) {
        port = reinterpret_cast<sockaddr_in const*>(address)->sin_port;
    } else if (here.family() == AF_INET6) {
        port = reinterpret_cast<sockaddr_in6 const*>(address)->sin6_port;
    }
    return ntohs(port);
}

void weft_listener_close(weft_listener* l) {
    delete l;
}

int weft_file_open(weft_file** f, char const* path, weft_file_mode mode) {
    static_assert(static_cast<int>(file::mode::read) == WEFT_FILE_READ &&
                  static_cast<int>(file::mode::read_write) == WEFT_FILE_READ_WRITE &&
                  static_cast<int>(file::mode::create) == WEFT_FILE_CREATE);
    return put(f, [&] { return file::open(path, static_cast<file::mode>(mode)); });
}

ssize_t weft_file_read_at(weft_file* f, void* buffer, size_t size, uint64_t offset) {
    return count_or_error([&](auto& ec) { return f->f.read_at(bytes(buffer, size), offset, ec); });
}

ssize_t weft_file_write_all_at(weft_file* f, void const* buffer, size_t size, uint64_t offset, bool durable) {
    return count_or_error([&](auto& ec) { return f->f.write_all_at(bytes(buffer, size), offset, durable, ec); });
}

int weft_file_sync(weft_file* f) {
    return or_error([&] { f->f.sync(); });
}

int weft_file_sync_data(weft_file* f) {
    return done_or_error([&](auto& ec) { f->f.sync_data(ec); });
}

int weft_file_allocate(weft_file* f, uint64_t offset, uint64_t length) {
    return done_or_error([&](auto& ec) { f->f.allocate(offset, length, ec); });
}

int weft_file_punch(weft_file* f, uint64_t offset, uint64_t length) {
    return done_or_error([&](auto& ec) { f->f.punch(offset, length, ec); });
}

int weft_file_zero(weft_file* f, uint64_t offset, uint64_t length) {
    return done_or_error([&](auto& ec) { f->f.zero(offset, length, ec); });
}

int64_t weft_file_size(weft_file const* f) {
    return or_error([&] { return static_cast<int64_t>(f->f.size()); });
}

int weft_file_resize(weft_file* f, uint64_t size) {
    return or_error([&] { f->f.resize(size); });
}

int weft_file_fd(weft_file const* f) {
    return f->f.fd();
}

void weft_file_close(weft_file* f) {
    delete f;
}

}  // extern "C"
