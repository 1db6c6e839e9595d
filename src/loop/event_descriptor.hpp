// Floor 4: loop
//
// An eventfd: how other threads and signal handlers end a reactor's wait.

#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace weft::detail {

class event_descriptor {
public:
    event_descriptor() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (fd_ < 0) {
            throw std::system_error(errno, std::generic_category(), "weft: no descriptor for a loop's wake-ups");
        }
    }
    event_descriptor(event_descriptor const&) = delete;
    event_descriptor& operator=(event_descriptor const&) = delete;
    ~event_descriptor() { ::close(fd_); }

    [[nodiscard]] int fd() const { return fd_; }

    /// Threads: any; async-signal-safe.
    void set() const noexcept {
        int error = errno;
        std::uint64_t one = 1;
        [[maybe_unused]] ssize_t ignored = ::write(fd_, &one, sizeof one);  // full means: set already
        errno = error;
    }

    void clear() const noexcept {
        std::uint64_t count;
        [[maybe_unused]] ssize_t ignored = ::read(fd_, &count, sizeof count);  // empty means: clear already
    }

private:
    int fd_;
};

}  // namespace weft::detail
