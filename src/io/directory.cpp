// Floor: io

#include <weft/directory.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <type_traits>
#include <utility>

#include "io/open_beneath.hpp"
#include "io/open_flags.hpp"
#include "io/system_call.hpp"

namespace weft {
namespace {

using path = std::filesystem::path;
using std::filesystem::file_type;

/// As detail::or_throw(), with the name of what it was about.
template <class F>
auto or_throw(char const* what, path const& name, F f) {
    std::error_code ec;
    auto check = [&] {
        if (ec) {
            throw std::system_error(ec, "cannot " + std::string(what) + ' ' + name.string());
        }
    };
    if constexpr (std::is_void_v<std::invoke_result_t<F, std::error_code&>>) {
        f(ec);
        check();
    } else {
        auto result = f(ec);
        check();
        return result;
    }
}

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

file_type type_of_mode(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFREG:
            return file_type::regular;
        case S_IFDIR:
            return file_type::directory;
        case S_IFLNK:
            return file_type::symlink;
        case S_IFBLK:
            return file_type::block;
        case S_IFCHR:
            return file_type::character;
        case S_IFIFO:
            return file_type::fifo;
        case S_IFSOCK:
            return file_type::socket;
        default:
            return file_type::unknown;
    }
}

file_status status_of(struct stat const& s) {
    auto modified = std::chrono::seconds(s.st_mtim.tv_sec) + std::chrono::nanoseconds(s.st_mtim.tv_nsec);
    return {.type = type_of_mode(s.st_mode),
            .permissions = static_cast<std::filesystem::perms>(s.st_mode & 07777),
            .size = static_cast<std::uint64_t>(s.st_size),
            .modified = std::chrono::system_clock::time_point(
                std::chrono::duration_cast<std::chrono::system_clock::duration>(modified)),
            .device = s.st_dev,
            .inode = s.st_ino};
}

struct closing {
    void operator()(DIR* d) const { ::closedir(d); }
};

/// Blocks; throws what goes wrong.
std::vector<directory_entry> read_entries(int directory) {
    // Another open file: its position is nobody else's.
    int fd = ::openat(directory, ".", directory_flags);
    if (fd < 0) {
        detail::refuse("list");
    }
    std::unique_ptr<DIR, closing> entries(fdopendir(fd));
    if (!entries) {
        ::close(fd);
        detail::refuse("list");
    }
    std::vector<directory_entry> found;
    errno = 0;
    while (dirent const* entry = readdir(entries.get())) {
        std::string name = entry->d_name;
        if (name != "." && name != "..") {
            mode_t mode = DTTOIF(entry->d_type);
            if (struct stat s{};
                entry->d_type == DT_UNKNOWN && fstatat(fd, name.c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0) {
                mode = s.st_mode;
            }
            found.push_back({.name = std::move(name), .type = type_of_mode(mode)});
        }
        errno = 0;
    }
    if (errno != 0) {
        detail::refuse("list");
    }
    return found;
}

/// Has a thread call `f(directory, ec)`, which blocks and owns all that it uses: the descriptor is a duplicate.
template <class F>
WEFT_MIXED_FN auto in_directory(int directory, char const* what, std::error_code& ec, call_site where, F f) {
    using result = std::invoke_result_t<F&, int, std::error_code&>;
    ec.clear();
    descriptor own = detail::duplicate(directory, ec);
    return ec ? result{}
              : detail::call_on_worker(what, ec, where,
                                       [own = std::move(own), f = std::move(f)](std::error_code& refused) mutable {
                                           return f(own.fd(), refused);
                                       });
}

/// Has a thread call `f(parent, last part)`, which returns -1 and sets errno, on a name beneath a directory.
template <class F>
WEFT_MIXED_FN void on_last_part(int directory, path const& name, char const* what, std::error_code& ec, call_site where,
                                F f) {
    in_directory(directory, what, ec, where, [name, f](int in, std::error_code& refused) {
        detail::last_part part(in, name);
        bool done = part.open() == 0 && f(part.parent(), part.name()) == 0;
        if (!done) {
            detail::set_error(refused);
        }
        return done;
    });
}

}  // namespace

directory directory::open(path const& where_it_is, call_site where) {
    return or_throw("open", where_it_is, [&](auto& ec) { return open(where_it_is, ec, where); });
}

directory directory::open(path const& where_it_is, std::error_code& ec, call_site where) {
    descriptor opened =
        detail::call_on_worker("a directory's opening", ec, where, [where_it_is](std::error_code& refused) {
            return detail::opened(::open(where_it_is.c_str(), directory_flags), refused);
        });
    return ec ? directory() : directory(std::move(opened));
}

directory directory::open_directory(path const& name, call_site where) const {
    return or_throw("open", name, [&](auto& ec) { return open_directory(name, ec, where); });
}

directory directory::open_directory(path const& name, std::error_code& ec, call_site where) const {
    descriptor opened =
        in_directory(fd(), "a directory's opening", ec, where, [name](int in, std::error_code& refused) {
            return detail::opened(detail::open_beneath(in, name.c_str(), directory_flags), refused);
        });
    return ec ? directory() : directory(std::move(opened));
}

file directory::open_file(path const& name, file::mode m, call_site where) const {
    return or_throw("open", name, [&](auto& ec) { return open_file(name, m, ec, where); });
}

file directory::open_file(path const& name, file::mode m, std::error_code& ec, call_site where) const {
    int flags = detail::open_flags(m);
    descriptor opened =
        in_directory(fd(), "a file's opening", ec, where, [name, flags](int in, std::error_code& refused) {
            mode_t permissions = (flags & O_CREAT) != 0 ? 0666 : 0;
            return detail::opened(detail::open_beneath(in, name.c_str(), flags, permissions), refused);
        });
    return ec ? file() : file(std::move(opened));
}

std::vector<directory_entry> directory::list(call_site where) const {
    return detail::or_throw("cannot list a directory", [&](auto& ec) { return list(ec, where); });
}

std::vector<directory_entry> directory::list(std::error_code& ec, call_site where) const {
    return in_directory(fd(), "a directory's names", ec, where,
                        [](int in, std::error_code&) { return read_entries(in); });
}

file_status directory::status(path const& name, call_site where) const {
    return or_throw("stat", name, [&](auto& ec) { return status(name, ec, where); });
}

file_status directory::status(path const& name, std::error_code& ec, call_site where) const {
    return in_directory(fd(), "a file's status", ec, where, [name](int in, std::error_code& refused) {
        struct stat about {};
        descriptor opened = detail::opened(detail::open_beneath(in, name.c_str(), O_PATH | O_CLOEXEC), refused);
        if (opened && fstat(opened.fd(), &about) != 0) {
            detail::set_error(refused);
        }
        return refused ? file_status() : status_of(about);
    });
}

void directory::make_directory(path const& name, call_site where) const {
    or_throw("make the directory", name, [&](auto& ec) { make_directory(name, ec, where); });
}

void directory::make_directory(path const& name, std::error_code& ec, call_site where) const {
    on_last_part(fd(), name, "a new directory", ec, where,
                 [](int parent, char const* last) { return ::mkdirat(parent, last, 0777); });
}

void directory::remove(path const& name, call_site where) const {
    or_throw("remove", name, [&](auto& ec) { remove(name, ec, where); });
}

void directory::remove(path const& name, std::error_code& ec, call_site where) const {
    on_last_part(fd(), name, "a file's removal", ec, where,
                 [](int parent, char const* last) { return ::unlinkat(parent, last, 0); });
}

void directory::remove_directory(path const& name, call_site where) const {
    or_throw("remove", name, [&](auto& ec) { remove_directory(name, ec, where); });
}

void directory::remove_directory(path const& name, std::error_code& ec, call_site where) const {
    on_last_part(fd(), name, "a directory's removal", ec, where,
                 [](int parent, char const* last) { return ::unlinkat(parent, last, AT_REMOVEDIR); });
}

void directory::rename(path const& from, path const& to, call_site where) const {
    or_throw("rename", from, [&](auto& ec) { rename(from, to, ec, where); });
}

void directory::rename(path const& from, path const& to, std::error_code& ec, call_site where) const {
    in_directory(fd(), "a file's new name", ec, where, [from, to](int in, std::error_code& refused) {
        detail::last_part old_name(in, from);
        detail::last_part new_name(in, to);
        bool done = old_name.open() == 0 && new_name.open() == 0 &&
                    ::renameat(old_name.parent(), old_name.name(), new_name.parent(), new_name.name()) == 0;
        if (!done) {
            detail::set_error(refused);
        }
        return done;
    });
}

void directory::sync(call_site where) const {
    detail::or_throw("cannot sync a directory", [&](auto& ec) { sync(ec, where); });
}

void directory::sync(std::error_code& ec, call_site where) const {
    operation op{.what = operation::kind::fsync, .fd = fd()};
    detail::run_operation(op, "a directory's sync", ec, where);
}

}  // namespace weft
