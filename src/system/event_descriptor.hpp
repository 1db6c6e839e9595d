// Floor: system
//
// Descriptors of a reactor's own, and one of a kind: an eventfd, by which other threads and signal handlers end its wait.

#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace weft::detail {

struct descriptor_owner {
    /// `made`: what a system call returned. Throws std::system_error that says `what` if that is -1.
    descriptor_owner(int made, char const* what) : fd(made) {
        if (fd < 0) {
            throw std::system_error(errno, std::generic_category(), what);
        }
    }
    descriptor_owner(descriptor_owner const&) = delete;
    descriptor_owner& operator=(descriptor_owner const&) = delete;
    ~descriptor_owner() { ::close(fd); }

    int const fd;
};

class event_descriptor {
public:
    event_descriptor() : owner_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "weft: no descriptor for a loop's wake-ups") {}

    [[nodiscard]] int fd() const { return owner_.fd; }

    /// Threads: any; async-signal-safe.
    void set() const noexcept {
        int error = errno;
        std::uint64_t one = 1;
        [[maybe_unused]] ssize_t ignored = ::write(fd(), &one, sizeof one);  // full means: set already
        errno = error;
    }

    void clear() const noexcept {
        std::uint64_t count;
        [[maybe_unused]] ssize_t ignored = ::read(fd(), &count, sizeof count);  // empty means: clear already
    }

private:
    descriptor_owner owner_;
};

}  // namespace weft::detail
