// Floor: io

#include "io/open_beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <utility>

#include "system/refused.hpp"

namespace weft::detail {
namespace {

/// Closes a descriptor on whatever thread, without a word to a loop. Keeps errno.
void close_quietly(int fd) noexcept {
    int error = errno;
    ::close(fd);
    errno = error;
}

/// Whether it is openat2(2) that is missing, and not the file that is refused: the call itself says EINVAL to a size of 0.
/// Changes errno only if it is missing.
bool has_openat2() noexcept {
    int error = errno;
    open_how how{};
    bool there = syscall(SYS_openat2, -1, ".", &how, 0) < 0 && errno == EINVAL;
    if (there) {
        errno = error;
    }
    return there;
}

/// In the place of openat2(2), which Linux 5.6 brought: step by step, through no symbolic link and no "..".
int walk(int directory, char const* name, int flags, mode_t permissions) noexcept {
    int at = directory;
    for (;;) {
        char const* end = std::strchr(name, '/');
        std::size_t length = end == nullptr ? std::strlen(name) : static_cast<std::size_t>(end - name);
        char part[NAME_MAX + 1] = ".";
        bool last = end == nullptr || end[std::strspn(end, "/")] == '\0';
        int next = -1;
        if (length > NAME_MAX) {
            errno = ENAMETOOLONG;
        } else if (length == 0 || (length == 2 && std::memcmp(name, "..", 2) == 0)) {
            errno = length == 0 ? ENOENT : EXDEV;
        } else {
            std::memcpy(part, name, length);
            part[length] = '\0';
            next = last ? ::openat(at, part, flags | O_NOFOLLOW, permissions)
                        : ::openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        if (at != directory) {
            close_quietly(at);
        }
        if (next < 0 || last) {
            return next;
        }
        at = next;
        name = end + std::strspn(end, "/");
    }
}

}  // namespace

int open_beneath(int directory, char const* name, int flags, mode_t permissions) noexcept {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags);
    how.mode = permissions;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    for (;;) {
        long fd = syscall(SYS_openat2, directory, name, &how, sizeof how);
        if (fd < 0 && may_be_missing(errno) && !has_openat2()) {
            if (*name == '/') {
                errno = EXDEV;
                return -1;
            }
            return walk(directory, name, flags, permissions);
        }
        // EAGAIN: something on the way was renamed meanwhile, so that the kernel can't be sure.
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) {
            return static_cast<int>(fd);
        }
    }
}

last_part::last_part(int directory, std::filesystem::path const& name) : directory_(directory), name_(name.native()) {
    while (name_.size() > 1 && name_.back() == '/') {
        name_.pop_back();
    }
    if (std::size_t slash = name_.rfind('/'); slash != name_.npos) {
        way_ = name_.substr(0, slash + 1);
        name_.erase(0, slash + 1);
    }
}

last_part::~last_part() {
    if (parent_ >= 0) {
        close_quietly(parent_);
    }
}

int last_part::open() noexcept {
    parent_ = open_beneath(directory_, way_.empty() ? "." : way_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    return parent_ < 0 ? -1 : 0;
}

}  // namespace weft::detail
