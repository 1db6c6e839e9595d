// Floor 6: io

#include <weft/file.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/iovecs.hpp"

namespace weft {
namespace {

[[noreturn]] void refuse(int error, std::string const& what) {
    throw std::system_error(error, std::generic_category(), what);
}

std::size_t fallocate(int fd, int flags, std::uint64_t offset, std::uint64_t length, char const* what,
                      std::error_code& ec, place where) {
    operation op{.what = operation::kind::fallocate, .fd = fd, .flags = flags, .offset = offset, .length = length};
    return detail::run_operation(op, what, ec, where);
}

std::size_t fsync(int fd, bool data_only, std::error_code& ec, place where) {
    operation op{.what = operation::kind::fsync, .fd = fd, .flags = data_only ? 1 : 0};
    return detail::run_operation(op, "a file's sync", ec, where);
}

}  // namespace

file file::open(std::filesystem::path const& path, mode m, place where) {
    struct request {
        char const* path;
        int flags;
    } wanted{path.c_str(), O_CLOEXEC | (m == mode::read ? O_RDONLY : O_RDWR) | (m == mode::create ? O_CREAT : 0)};
    operation op{.what = operation::kind::call,
                 .call = [](void* argument) -> std::int64_t {
                     auto const& r = *static_cast<request*>(argument);
                     int fd = ::open(r.path, r.flags, 0666);
                     return fd < 0 ? -errno : fd;
                 },
                 .argument = &wanted};
    std::error_code ec;
    std::size_t fd = detail::run_operation(op, "a file's opening", ec, where);
    if (ec) {
        throw std::system_error(ec, "cannot open " + path.string());
    }
    file opened;
    opened.descriptor_ = descriptor(static_cast<int>(fd));
    return opened;
}

std::size_t file::read_at(std::span<std::byte> buffer, std::uint64_t offset, place where) {
    return detail::or_throw("read", [&](auto& ec) { return read_at(buffer, offset, ec, where); });
}

std::size_t file::read_at(std::span<std::byte> buffer, std::uint64_t offset, std::error_code& ec, place where) {
    iovec one{buffer.data(), buffer.size()};
    return read_at(std::span(&one, 1), offset, ec, where);
}

std::size_t file::read_at(std::span<iovec> buffers, std::uint64_t offset, std::error_code& ec, place where) {
    std::size_t done = 0;
    ec.clear();
    for (buffers = detail::after(buffers, 0); !buffers.empty();) {
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

void file::write_all_at(std::span<std::byte const> buffer, std::uint64_t offset, bool durable, place where) {
    detail::or_throw("write", [&](auto& ec) { return write_all_at(buffer, offset, durable, ec, where); });
}

std::size_t file::write_all_at(std::span<std::byte const> buffer, std::uint64_t offset, bool durable,
                               std::error_code& ec, place where) {
    iovec one{const_cast<std::byte*>(buffer.data()), buffer.size()};
    return write_all_at(std::span(&one, 1), offset, durable, ec, where);
}

std::size_t file::write_all_at(std::span<iovec> buffers, std::uint64_t offset, bool durable, std::error_code& ec,
                               place where) {
    std::size_t done = 0;
    ec.clear();
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

void file::sync(place where) {
    detail::or_throw("sync", [&](auto& ec) { return fsync(fd(), false, ec, where); });
}

void file::sync_data(place where) {
    detail::or_throw("sync", [&](auto& ec) { return fsync(fd(), true, ec, where); });
}

void file::sync_data(std::error_code& ec, place where) {
    fsync(fd(), true, ec, where);
}

void file::allocate(std::uint64_t offset, std::uint64_t length, std::error_code& ec, place where) {
    fallocate(fd(), 0, offset, length, "a file's allocation", ec, where);
}

void file::punch(std::uint64_t offset, std::uint64_t length, std::error_code& ec, place where) {
    fallocate(fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length, "a file's hole", ec, where);
}

void file::zero(std::uint64_t offset, std::uint64_t length, std::error_code& ec, place where) {
    fallocate(fd(), FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length, "a file's zeroing", ec, where);
}

std::uint64_t file::size() const {
    struct stat about {};
    if (fstat(fd(), &about) != 0) {
        refuse(errno, "stat");
    }
    std::uint64_t bytes = static_cast<std::uint64_t>(about.st_size);
    if (S_ISBLK(about.st_mode) && ioctl(fd(), BLKGETSIZE64, &bytes) != 0) {
        refuse(errno, "size of a block device");
    }
    return bytes;
}

void file::resize(std::uint64_t size) {
    if (ftruncate(fd(), static_cast<off_t>(size)) != 0) {
        refuse(errno, "resize");
    }
}

}  // namespace weft
