// Floor: c
//
// The plain functions of <weft/c/io.h>: see plain.cpp.

#include "c/face.hpp"

extern "C" {

int weft_wait_readable(int fd) {
    return weft_wait_readable_at(fd, 0);
}

int weft_wait_writable(int fd) {
    return weft_wait_writable_at(fd, 0);
}

int weft_connect(weft_stream** stream, const char* host, const char* service) {
    return weft_connect_at(stream, host, service, 0);
}

int weft_connect_unix(weft_stream** stream, const char* path) {
    return weft_connect_unix_at(stream, path, 0);
}

ssize_t weft_stream_read(weft_stream* stream, void* buffer, size_t size) {
    return weft_stream_read_at(stream, buffer, size, 0);
}

ssize_t weft_stream_read_exact(weft_stream* stream, void* buffer, size_t size) {
    return weft_stream_read_exact_at(stream, buffer, size, 0);
}

ssize_t weft_stream_write_all(weft_stream* stream, const void* buffer, size_t size) {
    return weft_stream_write_all_at(stream, buffer, size, 0);
}

ssize_t weft_stream_writev_all(weft_stream* stream, struct iovec* buffers, size_t count) {
    return weft_stream_writev_all_at(stream, buffers, count, 0);
}

int weft_accept(weft_listener* listener, weft_stream** stream) {
    return weft_accept_at(listener, stream, 0);
}

}  // extern "C"
