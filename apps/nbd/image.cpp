#include "image.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <weft/offload.hpp>

namespace nbd {
namespace {

bool not_supported(std::error_code const& ec) {
    return ec == std::errc::operation_not_supported || ec == std::errc::not_supported ||
           ec == std::errc::inappropriate_io_control_operation;
}

/// cachestat(2), of Linux 6.5. Nothing, where the system does not have it.
std::optional<std::uint64_t> pages_in_cache(int fd, std::uint64_t offset, std::uint64_t length) {
#ifdef __NR_cachestat
    constexpr long number = __NR_cachestat;
#else
    constexpr long number = 451;  // on all architectures
#endif
    struct {
        std::uint64_t offset, length;
    } range{offset, length};
    struct {
        std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
    } found{};
    if (::syscall(number, fd, &range, &found, 0) != 0) {
        return std::nullopt;
    }
    return found.cached;
}

bool byte_is_cached(int fd, std::uint64_t offset) {
    char byte;
    iovec one{&byte, 1};
    return ::preadv2(fd, &one, 1, static_cast<off_t>(offset), RWF_NOWAIT) == 1;
}

/// Where the next data, or the next hole, begins; `end` if not before that. Nothing, where the system can't tell.
std::optional<std::uint64_t> next(int fd, std::uint64_t from, std::uint64_t end, int whence) {
    off_t at = ::lseek(fd, static_cast<off_t>(from), whence);
    if (at < 0) {
        return errno == ENXIO ? std::optional(end) : std::nullopt;
    }
    return std::min(static_cast<std::uint64_t>(at), end);
}

std::vector<extent> find_extents(int fd, std::uint64_t offset, std::uint64_t length, std::size_t most) {
    std::vector<extent> found;
    struct stat about {};
    std::uint64_t const end = offset + length;
    // What a file that was made shorter lacks is no hole: to read it is an error, and that must not be hidden.
    bool whole =
        ::fstat(fd, &about) == 0 && (!S_ISREG(about.st_mode) || static_cast<std::uint64_t>(about.st_size) >= end);
    for (std::uint64_t at = offset; at < end && found.size() < most;) {
        auto data = whole ? next(fd, at, end, SEEK_DATA) : std::nullopt;
        if (data && *data > at) {
            found.push_back({*data - at, true});
            at = *data;
            continue;
        }
        auto hole = data ? next(fd, at, end, SEEK_HOLE) : std::nullopt;
        std::uint64_t until = hole && *hole > at ? *hole : end;
        found.push_back({until - at, false});
        at = until;
    }
    return found;
}

}  // namespace

image::image(std::string name, std::filesystem::path path, bool read_only, std::optional<std::uint64_t> create_size)
    : name_(std::move(name)), path_(std::move(path)), read_only_(read_only) {
    try {
        open(create_size);
    } catch (...) {
        take_back();
        throw;
    }
}

void image::open(std::optional<std::uint64_t> create_size) {
    using std::filesystem::file_type;
    std::error_code ignored;
    file_type type = std::filesystem::status(path_, ignored).type();
    if (type == file_type::not_found && create_size) {
        file_ = weft::file::open(path_, weft::file::mode::create_new);
        made_ = true;
        try {
            file_.resize(*create_size);
        } catch (std::system_error const& e) {
            throw std::system_error(e.code(), "cannot create " + path_.string() + " with a size of " +
                                                  std::to_string(*create_size) + " bytes");
        }
    } else if (type == file_type::directory) {
        throw std::system_error(std::make_error_code(std::errc::is_a_directory), "cannot open " + path_.string());
    } else if (type == file_type::fifo || type == file_type::character || type == file_type::socket) {
        // Not even to be opened: a FIFO would wait for its other end, and a device may do anything.
        throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                                "cannot serve " + path_.string() + ", which is neither a file nor a block device");
    } else {
        file_ = weft::file::open(path_, read_only_ ? weft::file::mode::read : weft::file::mode::read_write);
    }
    size_ = file_.size();
    if (!read_only_) {
        std::error_code without;  // neither descriptors nor /proc: then durable writes share syncs
        file_for_one_write_ =
            weft::file::open("/proc/self/fd/" + std::to_string(file_.fd()), weft::file::mode::read_write, without);
    }
}

void image::take_back() noexcept {
    if (std::exchange(made_, false)) {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
}

void image::read(std::span<std::byte> data, std::uint64_t offset, std::error_code& ec) {
    if (file_.read_at(data, offset, ec) < data.size() && !ec) {
        ec = std::make_error_code(std::errc::io_error);
    }
}

bool image::is_cached(std::uint64_t offset, std::uint64_t length) const {
    static std::uint64_t const page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::uint64_t first = offset / page;
    std::uint64_t last = (offset + length - 1) / page;
    auto pages = pages_in_cache(file_.fd(), offset, length);
    // The kernel counts pages that are still being read too. They are read in order, so the last tells of the others.
    return (!pages || *pages == last - first + 1) && byte_is_cached(file_.fd(), offset) &&
           byte_is_cached(file_.fd(), offset + length - 1);
}

void image::write(std::span<std::byte const> data, std::uint64_t offset, bool durable, std::error_code& ec) {
    if (durable) {
        write_durably(data, offset, ec);
    } else {
        file_.write_all_at(data, offset, false, ec);
    }
}

/// One by itself waits for its own data alone. Of several at once the others share a sync, which is faster than one each
/// (docs/decisions/0025-durable-writes.md).
void image::write_durably(std::span<std::byte const> data, std::uint64_t offset, std::error_code& ec) {
    if (std::unique_lock mine(syncs_->file_for_one_write, std::try_to_lock); mine && file_for_one_write_) {
        file_for_one_write_.write_all_at(data, offset, true, ec);
        if (ec == std::errc::io_error) {
            syncs_->failed = true;
        }
        return;
    }
    file_.write_all_at(data, offset, false, ec);
    if (!ec) {
        sync(ec);
    }
}

void image::trim(std::uint64_t offset, std::uint64_t length, std::error_code& ec) {
    if (length == 0) {
        return;
    }
    file_.punch(offset, length, ec);
    if (not_supported(ec)) {
        ec.clear();
    }
}

void image::write_zeroes(std::uint64_t offset, std::uint64_t length, zeroing how, bool fast, std::error_code& ec) {
    if (length == 0) {
        return;
    }
    if (how == zeroing::keep_allocated) {
        file_.zero(offset, length, ec);
    } else {
        file_.punch(offset, length, ec);
    }
    if (!not_supported(ec) || fast) {
        return;
    }
    static constexpr std::array<std::byte, 65536> zeros{};
    ec.clear();
    while (length > 0 && !ec) {
        auto part = static_cast<std::size_t>(std::min<std::uint64_t>(length, zeros.size()));
        file_.write_all_at(std::span(zeros).first(part), offset, false, ec);
        offset += part;
        length -= part;
    }
}

void image::sync(std::error_code& ec) {
    std::uint64_t const mine = ++syncs_->asked;
    std::unique_lock lock(syncs_->one_at_a_time, std::defer_lock);
    try {
        lock.lock();
    } catch (std::system_error const& e) {  // cancelled
        ec = e.code();
        return;
    }
    ec.clear();
    if (syncs_->done < mine) {
        std::uint64_t const all = syncs_->asked;
        file_.sync_data(ec);
        if (ec && ec != std::errc::operation_canceled) {
            syncs_->failed = true;
        } else if (!ec) {
            syncs_->done = all;
        }
    }
    if (!ec && syncs_->failed) {
        ec = std::make_error_code(std::errc::io_error);
    }
}

void image::read_ahead(std::uint64_t offset, std::uint64_t length) {
    try {
        weft::offload([&] {  // it may wait for a place in the device's queue
            ::posix_fadvise(file_.fd(), static_cast<off_t>(offset), static_cast<off_t>(length), POSIX_FADV_WILLNEED);
        });
    } catch (std::system_error const&) {
        return;  // there is no thread for it: it was a hint
    }
}

std::vector<extent> image::extents(std::uint64_t offset, std::uint64_t length, std::size_t most) const {
    try {
        // The file system may have to read its own tables for it.
        return weft::offload([&] { return find_extents(file_.fd(), offset, length, most); });
    } catch (std::system_error const&) {
        return {{length, false}};  // there is no thread for it; to call anything data is always right
    }
}

}  // namespace nbd
