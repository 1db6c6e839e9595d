// Floor: io

#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <vector>
#include <weft/file.hpp>
#include <weft/stream.hpp>

#include "io/system_call.hpp"
#include "io/without_sigpipe.hpp"

namespace weft {
namespace {

/// How much is sent at once, and fetched at once from the medium: readahead's usual measure, some times over.
constexpr std::uint64_t most_at_once = 512 << 10;

/// While it lives, the socket is non-blocking, which sendfile(2) has no flag for. What waits for the socket in a reactor
/// has been looked at before, and is not disturbed.
class non_blocking {
public:
    explicit non_blocking(int fd) : fd_(fd), flags_(fcntl(fd, F_GETFL)) { set(flags_ | O_NONBLOCK); }
    non_blocking(non_blocking const&) = delete;
    non_blocking& operator=(non_blocking const&) = delete;
    ~non_blocking() {
        int error = errno;
        set(flags_);
        errno = error;
    }

private:
    void set(int flags) const {
        if ((flags_ & O_NONBLOCK) == 0) {
            fcntl(fd_, F_SETFL, flags);
        }
    }

    int fd_;
    int flags_;
};

/// Whether that part of a file is in the page cache, as far as its first and its last byte tell.
bool is_cached(int fd, std::uint64_t offset, std::uint64_t length) {
    char byte;
    iovec one{&byte, 1};
    return ::preadv2(fd, &one, 1, static_cast<off_t>(offset), RWF_NOWAIT) >= 0 &&
           ::preadv2(fd, &one, 1, static_cast<off_t>(offset + length - 1), RWF_NOWAIT) >= 0;
}

/// Reads that part of a file into the page cache. Blocks. Returns 0, or -1 and sets errno.
int fetch(int fd, std::uint64_t offset, std::uint64_t length, std::span<std::byte> buffer) {
    for (std::uint64_t done = 0; done < length;) {
        auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), length - done));
        ssize_t n = ::pread(fd, buffer.data(), piece, static_cast<off_t>(offset + done));
        if (n <= 0) {
            return static_cast<int>(n);
        }
        done += static_cast<std::uint64_t>(n);
    }
    return 0;
}

}  // namespace

std::uint64_t stream::send_file(file const& from, std::uint64_t offset, std::uint64_t length, call_site where) {
    return detail::or_throw("send a file", [&](auto& ec) { return send_file(from, offset, length, ec, where); });
}

std::uint64_t stream::send_file(file const& from, std::uint64_t offset, std::uint64_t length, std::error_code& ec,
                                call_site where) {
    ec.clear();
    std::uint64_t done = 0;
    std::vector<std::byte> scratch;  // stays empty if the page cache has all
    while (done < length) {
        auto piece = static_cast<std::size_t>(std::min(length - done, most_at_once));
        if (!is_cached(from.fd(), offset + done, piece)) {
            scratch.resize(64 << 10);
            detail::finish_on_worker(from.fd(), "a file's data", ec, where,
                                     [&, fd = from.fd()] { return fetch(fd, offset + done, piece, scratch); });
        }
        std::size_t n = 0;
        if (!ec) {
            n = detail::call_when_ready(fd(), POLLOUT, "room to send", ec, where, [&] {
                detail::without_sigpipe quietly;
                non_blocking meanwhile(fd());
                auto position = static_cast<off_t>(offset + done);
                return ::sendfile(fd(), from.fd(), &position, piece);
            });
        }
        if (n == 0) {
            break;
        }
        done += n;
    }
    return done;
}

}  // namespace weft
