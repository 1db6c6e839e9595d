// Floor: c
//
// Descriptors, sockets and files. See <weft/weft.h>.
//
//     weft_stream* peer;
//     int error = weft_connect(&peer, "localhost", "7777");
//     if (error >= 0) {
//         error = (int)weft_stream_write_all(peer, "hello", 5);
//         weft_stream_close(peer);
//     }
//
// All that waits suspends inside a coroutine, and runs the thread's loop elsewhere. A cancelled call returns only
// when the kernel no longer uses the buffer; bytes that had arrived by then are delivered. One read and one write of
// a stream at a time. Close everything on the thread whose loop used it.

#ifndef WEFT_C_IO_H
#define WEFT_C_IO_H

#include <sys/uio.h>
#include <weft/c/base.h>

WEFT_C_BEGIN

/// Waits until `fd` is ready, or has failed. It stays the caller's. 0 or a negative errno.
WEFT_MIXED_FN int weft_wait_readable(int fd);
WEFT_MIXED_FN int weft_wait_writable(int fd);

// ---- Stream sockets --------------------------------------------------------------------------------------------------

typedef struct weft_stream weft_stream;
typedef struct weft_listener weft_listener;

/// Connects to a host and a service, both by name or number; tries each address that they have. 0 or a negative errno;
/// -EHOSTUNREACH if the name is not known.
WEFT_MIXED_FN int weft_connect(weft_stream** stream, const char* host, const char* service);
WEFT_MIXED_FN int weft_connect_unix(weft_stream** stream, const char* path);
/// Two that are connected to each other.
int weft_stream_pair(weft_stream* streams[2]);
/// Takes over a connected socket. -ENOMEM: the caller still owns it.
int weft_stream_adopt(weft_stream** stream, int fd);

/// Reads what is there, at least one byte, at most `size`; returns how many. 0: the peer has ended its side.
WEFT_MIXED_FN ssize_t weft_stream_read(weft_stream* stream, void* buffer, size_t size);
/// Reads `size` bytes; returns fewer only if the peer ended its side before.
WEFT_MIXED_FN ssize_t weft_stream_read_exact(weft_stream* stream, void* buffer, size_t size);
/// Writes all; returns `size`. Never raises SIGPIPE.
WEFT_MIXED_FN ssize_t weft_stream_write_all(weft_stream* stream, const void* buffer, size_t size);
/// The same, gathered. The iovecs are modified.
WEFT_MIXED_FN ssize_t weft_stream_writev_all(weft_stream* stream, struct iovec* buffers, size_t count);

/// Ends both sides: whoever waits in a read or a write gets the end, or an error.
void weft_stream_shutdown(weft_stream* stream);
/// TCP_NODELAY: small writes go out at once.
int weft_stream_set_no_delay(weft_stream* stream, bool on);
int weft_stream_fd(const weft_stream* stream);
/// NULL is ignored.
void weft_stream_close(weft_stream* stream);

/// Listens there. An empty host: on every address; service "0": on a port that is free.
WEFT_MIXED_FN int weft_listen(weft_listener** listener, const char* host, const char* service);
/// A socket that nobody listens on any more is replaced; it is removed when the listener is closed.
int weft_listen_unix(weft_listener** listener, const char* path);
/// Waits for a connection.
WEFT_MIXED_FN int weft_accept(weft_listener* listener, weft_stream** stream);
/// The TCP port that it listens on; 0 if it is another socket.
int weft_listener_port(const weft_listener* listener);
/// NULL is ignored.
void weft_listener_close(weft_listener* listener);

// ---- Files -----------------------------------------------------------------------------------------------------------

typedef struct weft_file weft_file;

enum weft_file_mode {
    WEFT_FILE_READ,
    WEFT_FILE_READ_WRITE,
    WEFT_FILE_CREATE  ///< READ_WRITE, created if it does not exist
};

WEFT_MIXED_FN int weft_file_open(weft_file** file, const char* path, enum weft_file_mode mode);
/// Reads up to `size` bytes; returns how many: fewer only at the end of the file.
WEFT_MIXED_FN ssize_t weft_file_read_at(weft_file* file, void* buffer, size_t size, uint64_t offset);
/// Writes all; returns `size`. `durable`: returns only when it is on the medium.
WEFT_MIXED_FN ssize_t weft_file_write_all_at(weft_file* file, const void* buffer, size_t size, uint64_t offset,
                                             bool durable);
/// Returns when everything written is on the medium; sync_data leaves out metadata that is not needed to read it
/// back.
WEFT_MIXED_FN int weft_file_sync(weft_file* file);
WEFT_MIXED_FN int weft_file_sync_data(weft_file* file);
/// Allocate reserves the range, and may extend the file; punch deallocates it, so that it reads as zeros; zero fills
/// it with zeros and keeps it reserved.
WEFT_MIXED_FN int weft_file_allocate(weft_file* file, uint64_t offset, uint64_t length);
WEFT_MIXED_FN int weft_file_punch(weft_file* file, uint64_t offset, uint64_t length);
WEFT_MIXED_FN int weft_file_zero(weft_file* file, uint64_t offset, uint64_t length);
/// In bytes; of a block device too.
int64_t weft_file_size(const weft_file* file);
int weft_file_resize(weft_file* file, uint64_t size);
int weft_file_fd(const weft_file* file);
/// NULL is ignored.
void weft_file_close(weft_file* file);

WEFT_C_END

#endif
