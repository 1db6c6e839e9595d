// Floor: io
//
// Files, read and written at offsets:
//
//     weft::file image = weft::file::open("disk.img", weft::file::mode::read_write);
//     std::size_t n = image.read_at(buffer, 4096);      // suspends the coroutine, not the thread
//     image.write_all_at(buffer, 8192);
//     image.sync_data();
//
// Each call has two forms: the one shown throws std::system_error; the other takes a std::error_code last. All
// suspend inside a coroutine, and run the thread's loop elsewhere. A cancelled call returns only when the kernel no
// longer uses the buffer; what was transferred by then counts.

#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <system_error>
#include <weft/descriptor.hpp>

namespace weft {

class file {
public:
    enum class mode : std::uint8_t {
        read,
        read_write,
        create,     ///< read_write; created if it does not exist.
        create_new  ///< read_write; created, or file_exists if it exists.
    };

    file() = default;
    explicit file(descriptor d);

    /// Opens a file.
    /// Throws std::system_error that names it. If the wait ends early, an open that blocks continues in the
    /// background, and what it opens is closed. Suspends.
    [[nodiscard]] WEFT_MIXED_FN static file open(std::filesystem::path const& path, mode m,
                                                 call_site where = call_site::here());
    [[nodiscard]] WEFT_MIXED_FN static file open(std::filesystem::path const& path, mode m, std::error_code& ec,
                                                 call_site where = call_site::here());

    /// Reads up to buffer.size() bytes at `offset`. Less than that is read only at the end of the file: 0 is the end.
    /// Fails with invalid_seek on what has no positions (a FIFO, a socket, a terminal), as write_all_at() does.
    WEFT_MIXED_FN std::size_t read_at(std::span<std::byte> buffer, std::uint64_t offset,
                                      call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t read_at(std::span<std::byte> buffer, std::uint64_t offset, std::error_code& ec,
                                      call_site where = call_site::here());
    /// The same, scattered. The iovecs are modified.
    WEFT_MIXED_FN std::size_t read_at(std::span<iovec> buffers, std::uint64_t offset, std::error_code& ec,
                                      call_site where = call_site::here());

    /// Writes all of the buffer at `offset`. `durable`: returns only when the data is on the medium, as O_DSYNC does.
    WEFT_MIXED_FN void write_all_at(std::span<std::byte const> buffer, std::uint64_t offset, bool durable = false,
                                    call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t write_all_at(std::span<std::byte const> buffer, std::uint64_t offset, bool durable,
                                           std::error_code& ec, call_site where = call_site::here());
    /// The same, gathered. The iovecs are modified. Returns what was written, less than all only with an error.
    WEFT_MIXED_FN std::size_t write_all_at(std::span<iovec> buffers, std::uint64_t offset, bool durable,
                                           std::error_code& ec, call_site where = call_site::here());

    /// Returns when everything written is on the medium; sync_data() leaves out metadata that is not needed to read
    /// it back.
    WEFT_MIXED_FN void sync(call_site where = call_site::here());
    WEFT_MIXED_FN void sync_data(call_site where = call_site::here());
    WEFT_MIXED_FN void sync_data(std::error_code& ec, call_site where = call_site::here());

    /// Reserves the range: later writes to it do not fail for lack of space.
    WEFT_MIXED_FN void allocate(std::uint64_t offset, std::uint64_t length, std::error_code& ec,
                                call_site where = call_site::here());
    /// Deallocates the range; it reads as zeros. The size stays.
    WEFT_MIXED_FN void punch(std::uint64_t offset, std::uint64_t length, std::error_code& ec,
                             call_site where = call_site::here());
    /// Fills the range with zeros and keeps it reserved. The size stays.
    WEFT_MIXED_FN void zero(std::uint64_t offset, std::uint64_t length, std::error_code& ec,
                            call_site where = call_site::here());

    /// In bytes; of a block device too.
    /// Throws std::system_error. Suspends: no.
    [[nodiscard]] std::uint64_t size() const;
    /// Suspends: no.
    void resize(std::uint64_t size);

    [[nodiscard]] int fd() const { return descriptor_.fd(); }
    explicit operator bool() const { return static_cast<bool>(descriptor_); }
    void close() noexcept { descriptor_.close(); }

private:
    std::size_t read_cached(std::span<iovec> buffers, std::uint64_t offset);

    descriptor descriptor_;
    bool direct_ = false;     ///< Opened with O_DIRECT: reads bypass the page cache.
    bool is_stream_ = false;  ///< It has no positions.
};

/// A file as a stream from a position on, which each read and write advances. Refers to the file.
///
///     weft::file_cursor from(image);
///     weft::copy(from, child.in());
class file_cursor {
public:
    explicit file_cursor(file& f, std::uint64_t position = 0) : file_(f), position_(position) {}

    /// 0: the end of the file.
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, std::error_code& ec,
                                   call_site where = call_site::here()) {
        std::size_t n = file_.read_at(buffer, position_, ec, where);
        position_ += n;
        return n;
    }
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, call_site where = call_site::here()) {
        return detail::or_throw("read", [&](auto& ec) { return read(buffer, ec, where); });
    }

    WEFT_MIXED_FN std::size_t write_all(std::span<std::byte const> bytes, std::error_code& ec,
                                        call_site where = call_site::here()) {
        std::size_t n = file_.write_all_at(bytes, position_, false, ec, where);
        position_ += n;
        return n;
    }
    WEFT_MIXED_FN void write_all(std::span<std::byte const> bytes, call_site where = call_site::here()) {
        detail::or_throw("write", [&](auto& ec) { return write_all(bytes, ec, where); });
    }

    [[nodiscard]] std::uint64_t position() const { return position_; }
    void move_to(std::uint64_t position) { position_ = position; }

private:
    file& file_;
    std::uint64_t position_;
};

}  // namespace weft
