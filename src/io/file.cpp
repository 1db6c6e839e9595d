// Floor: io

#include <weft/file.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "io/iovecs.hpp"
#include "io/open_flags.hpp"
#include "io/system_call.hpp"

namespace weft {
namespace {

WEFT_MIXED_FN std::size_t fallocate(int fd, int flags, std::uint64_t offset, std::uint64_t length, char const* what,
                                    std::error_code& ec, call_site where) {
    operation op{.what = operation::kind::fallocate, .fd = fd, .flags = flags, .offset = offset, .length = length};
    return detail::run_operation(op, what, ec, where);
}

WEFT_MIXED_FN std::size_t fsync(int fd, bool data_only, std::error_code& ec, call_site where) {
    operation op{.what = operation::kind::fsync, .fd = fd, .flags = data_only ? 1 : 0};
    return detail::run_operation(op, "a file's sync", ec, where);
}

bool is_direct(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_DIRECT) != 0;
}

/// io_uring reads and writes such a one without regard to the offset; preadv(2) refuses. So it is refused before.
bool is_stream(int fd) {
    return lseek(fd, 0, SEEK_CUR) < 0 && errno == ESPIPE;
}

}  // namespace

file::file(descriptor d)
    : descriptor_(std::move(d)), direct_(is_direct(descriptor_.fd())), is_stream_(is_stream(descriptor_.fd())) {}

/// Reads what lies in the page cache. None, if that is nothing, or the file can't tell, or it is not the time for it. With
/// O_DIRECT a read that is not to wait (RWF_NOWAIT) waits for the medium all the same.
std::size_t file::read_cached(std::span<iovec> buffers, std::uint64_t offset) {
    if (direct_ || !detail::may_do_at_once()) {
        return 0;
    }
    ssize_t n = ::preadv2(fd(), buffers.data(), static_cast<int>(std::min(buffers.size(), detail::most_iovecs)),
                          static_cast<off_t>(offset), RWF_NOWAIT);
    if (n <= 0) {
        return 0;
    }
    loop::current().did_at_once(static_cast<std::size_t>(n));
    return static_cast<std::size_t>(n);
}

file file::open(std::filesystem::path const& path, mode m, call_site where) {
    std::error_code ec;
    file opened = open(path, m, ec, where);
    if (ec) {
        throw std::system_error(ec, "cannot open " + path.string());
    }
    return opened;
}

file file::open(std::filesystem::path const& path, mode m, std::error_code& ec, call_site where) {
    descriptor opened = detail::call_on_worker("a file's opening", ec, where, [path, m](std::error_code& refused) {
        return detail::opened(::open(path.c_str(), detail::open_flags(m), 0666), refused);
    });
    return ec ? file() : file(std::move(opened));
}

std::size_t file::read_at(std::span<std::byte> buffer, std::uint64_t offset, call_site where) {
    return detail::or_throw("read at a position", [&](auto& ec) { return read_at(buffer, offset, ec, where); });
}

std::size_t file::read_at(std::span<std::byte> buffer, std::uint64_t offset, std::error_code& ec, call_site where) {
    iovec one{buffer.data(), buffer.size()};
    return read_at(std::span(&one, 1), offset, ec, where);
}

std::size_t file::read_at(std::span<iovec> buffers, std::uint64_t offset, std::error_code& ec, call_site where) {
    ec.clear();
    if (is_stream_) {
        detail::set_error(ec, ESPIPE);
        return 0;
    }
    std::size_t done = read_cached(buffers, offset);
    for (buffers = detail::after(buffers, done); !buffers.empty();) {
        operation op{.what = operation::kind::readv,
                     .fd = fd(),
                     .iovec_count = static_cast<std::uint32_t>(std::min(buffers.size(), detail::most_iovecs)),
                     .iovecs = buffers.data(),
                     .offset = offset + done};
        std::size_t n = detail::run_operation(op, "a file's read", ec, where);
        if (n == 0) {
            break;
        }
        done += n;
        buffers = detail::after(buffers, n);
    }
    return done;
}

void file::write_all_at(std::span<std::byte const> buffer, std::uint64_t offset, bool durable, call_site where) {
    detail::or_throw("write at a position", [&](auto& ec) { return write_all_at(buffer, offset, durable, ec, where); });
}

std::size_t file::write_all_at(std::span<std::byte const> buffer, std::uint64_t offset, bool durable,
                               std::error_code& ec, call_site where) {
    iovec one{const_cast<std::byte*>(buffer.data()), buffer.size()};
    return write_all_at(std::span(&one, 1), offset, durable, ec, where);
}

std::size_t file::write_all_at(std::span<iovec> buffers, std::uint64_t offset, bool durable, std::error_code& ec,
                               call_site where) {
    std::size_t done = 0;
    ec.clear();
    if (is_stream_) {
        detail::set_error(ec, ESPIPE);
        return 0;
    }
    for (buffers = detail::after(buffers, 0); !buffers.empty();) {
        operation op{.what = operation::kind::writev,
                     .fd = fd(),
                     .flags = durable ? RWF_DSYNC : 0,
                     .iovec_count = static_cast<std::uint32_t>(std::min(buffers.size(), detail::most_iovecs)),
                     .iovecs = buffers.data(),
                     .offset = offset + done};
        std::size_t n = detail::run_operation(op, "a file's write", ec, where);
        if (ec) {
            break;
        }
        done += n;
        buffers = detail::after(buffers, n);
    }
    return done;
}

void file::sync(call_site where) {
    detail::or_throw("sync", [&](auto& ec) { return fsync(fd(), false, ec, where); });
}

void file::sync_data(call_site where) {
    detail::or_throw("sync", [&](auto& ec) { return fsync(fd(), true, ec, where); });
}

void file::sync_data(std::error_code& ec, call_site where) {
    fsync(fd(), true, ec, where);
}

void file::allocate(std::uint64_t offset, std::uint64_t length, std::error_code& ec, call_site where) {
    fallocate(fd(), 0, offset, length, "a file's allocation", ec, where);
}

void file::punch(std::uint64_t offset, std::uint64_t length, std::error_code& ec, call_site where) {
    fallocate(fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length, "a file's hole", ec, where);
}

void file::zero(std::uint64_t offset, std::uint64_t length, std::error_code& ec, call_site where) {
    fallocate(fd(), FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length, "a file's zeroing", ec, where);
}

std::uint64_t file::size() const {
    struct stat about {};
    if (fstat(fd(), &about) != 0) {
        detail::refuse("stat");
    }
    std::uint64_t bytes = static_cast<std::uint64_t>(about.st_size);
    if (S_ISBLK(about.st_mode) && ioctl(fd(), BLKGETSIZE64, &bytes) != 0) {
        detail::refuse("size of a block device");
    }
    return bytes;
}

void file::resize(std::uint64_t size) {
    if (ftruncate(fd(), static_cast<off_t>(size)) != 0) {
        detail::refuse("resize");
    }
}

}  // namespace weft
