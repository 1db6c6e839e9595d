// Floor: io
//
// A connected stream socket, TCP or Unix: what tcp_stream and unix_stream have in common.
//
//     std::array<std::byte, 4096> buffer;
//     while (std::size_t n = stream.read(buffer)) {
//         stream.write_all(std::span(buffer).first(n));
//     }
//
// Each call has two forms: the one shown throws std::system_error; the other takes a std::error_code last. All
// suspend inside a coroutine, and run the thread's loop elsewhere. A call is tried at once and goes to the reactor
// only if it would have to wait. A cancelled call returns only when the kernel no longer uses the buffer; bytes that
// had arrived by then are delivered. One read and one write at a time.

#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <weft/any_socket.hpp>

namespace weft {

class file;

class stream : public any_socket {
public:
    using any_socket::any_socket;

    /// Reads what is there, at least one byte, at most the buffer. 0: the peer has ended its side. With an
    /// empty buffer it returns 0 at once.
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, std::error_code& ec,
                                   call_site where = call_site::here());

    /// Fills the whole buffer. Returns less only if the peer ended its side, or with an error.
    WEFT_MIXED_FN std::size_t read_exact(std::span<std::byte> buffer, call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t read_exact(std::span<std::byte> buffer, std::error_code& ec,
                                         call_site where = call_site::here());

    /// Writes all. Never raises SIGPIPE. Returns what was written, less than all only with an error.
    WEFT_MIXED_FN void write_all(std::span<std::byte const> buffer, call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t write_all(std::span<std::byte const> buffer, std::error_code& ec,
                                        call_site where = call_site::here());
    /// The same, gathered. The iovecs are modified.
    WEFT_MIXED_FN std::size_t write_all(std::span<iovec> buffers, std::error_code& ec,
                                        call_site where = call_site::here());

    /// Sends `length` bytes of the file from `offset` on by sendfile(2), without copying them into the program's
    /// memory. Returns how many; less only if the file ends before, or with an error. A worker thread first reads
    /// what is not in the page cache. Meanwhile other processes that share this socket may find it in non-blocking
    /// mode.
    WEFT_MIXED_FN std::uint64_t send_file(file const& from, std::uint64_t offset, std::uint64_t length,
                                          call_site where = call_site::here());
    WEFT_MIXED_FN std::uint64_t send_file(file const& from, std::uint64_t offset, std::uint64_t length,
                                          std::error_code& ec, call_site where = call_site::here());

    /// write_all() without a copy into the kernel: MSG_ZEROCOPY. TCP only. The kernel uses the buffer until the peer
    /// has acknowledged everything, and the call lasts as long. A call that ends early can't take back what was sent,
    /// so it aborts the connection. Meant for large buffers and real networks: loopback copies anyway. See
    /// docs/decisions/0014-zero-copy.md.
    WEFT_MIXED_FN void write_all_zero_copy(std::span<std::byte const> buffer, call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t write_all_zero_copy(std::span<std::byte const> buffer, std::error_code& ec,
                                                  call_site where = call_site::here());

    /// Ends both sides: whoever waits in read() or write_all() gets the end, or an error. Suspends: no.
    void shutdown() noexcept;
    /// Ends the sending side. The peer reads the end after all that was written before; reads go on.
    /// Throws std::system_error (not_connected). Suspends: no.
    void shutdown_write();
    /// Ends the receiving side: reads return the end. The peer is not told.
    /// Throws std::system_error (not_connected). Suspends: no.
    void shutdown_read();

    /// What close() does with data that was written and not yet sent: SO_LINGER (socket(7)). No value: the kernel
    /// sends it in the background (the default). Zero: drops it and resets the connection. Any other time: close()
    /// blocks the thread for up to that long.
    /// Throws std::system_error. Suspends: no.
    void set_linger(std::optional<std::chrono::seconds> time);

    /// TCP_NODELAY (tcp(7)): small writes go out at once. For TCP only; throws std::system_error. Suspends: no.
    void set_no_delay(bool on);
    /// SO_KEEPALIVE: probes a silent peer. The second form sets for TCP after which time of silence, how far apart,
    /// and how many unanswered probes break the connection (tcp(7)).
    /// Throws std::system_error. Suspends: no.
    void set_keep_alive(bool on);
    void set_keep_alive(std::chrono::seconds after, std::chrono::seconds apart, int questions);

protected:
    /// Connects. For the classes below.
    WEFT_MIXED_FN static descriptor connect_to(endpoint const& address, std::error_code& ec, call_site where);
    /// Connects; throws std::system_error that names the address.
    WEFT_MIXED_FN static descriptor connect_to(endpoint const& address, call_site where);

private:
    bool empty_last_time_ = false;  ///< The last read took all that there was, so the next one will probably wait.
};

}  // namespace weft
