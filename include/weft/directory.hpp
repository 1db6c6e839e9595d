// Floor: io
//
// A directory, and operations on the files in it, by names relative to it:
//
//     weft::directory site = weft::directory::open("/srv/www");
//     weft::file page = site.open_file("index.html", weft::file::mode::read);
//     site.rename("draft.tmp", "index.html");
//     site.sync();                                   // the rename is on the medium
//
// No name leads out of the directory: one that would, by ".." or a symbolic link, fails with cross_device_link. So
// names may come from outside, as a web server's do. (Where openat2(2) is missing or denied, as before Linux 5.6, a
// symbolic link on the way, or "..", is an error wherever it leads.)
//
// Each call has two forms: one throws std::system_error that names the file; the other takes a std::error_code last.
// All suspend inside a coroutine, and run the thread's loop elsewhere. Their system calls block, so the loop's pool
// of threads makes them. If the wait ends early, a call that has begun continues in the background; whether it
// succeeds is not reported.

#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>
#include <weft/file.hpp>

namespace weft {

/// Type, permissions, size and identity of a file.
struct file_status {
    std::filesystem::file_type type = std::filesystem::file_type::none;
    std::filesystem::perms permissions = std::filesystem::perms::none;
    std::uint64_t size = 0;  ///< In bytes.
    std::chrono::system_clock::time_point modified;
    std::uint64_t device = 0;  ///< With inode: the file's identity.
    std::uint64_t inode = 0;
};

struct directory_entry {
    std::string name;
    std::filesystem::file_type type = std::filesystem::file_type::unknown;
};

class directory {
public:
    using path = std::filesystem::path;

    directory() = default;

    [[nodiscard]] WEFT_MIXED_FN static directory open(path const& where_it_is, call_site where = call_site::here());
    [[nodiscard]] WEFT_MIXED_FN static directory open(path const& where_it_is, std::error_code& ec,
                                                      call_site where = call_site::here());

    [[nodiscard]] WEFT_MIXED_FN directory open_directory(path const& name, call_site where = call_site::here()) const;
    [[nodiscard]] WEFT_MIXED_FN directory open_directory(path const& name, std::error_code& ec,
                                                         call_site where = call_site::here()) const;
    [[nodiscard]] WEFT_MIXED_FN file open_file(path const& name, file::mode m,
                                               call_site where = call_site::here()) const;
    [[nodiscard]] WEFT_MIXED_FN file open_file(path const& name, file::mode m, std::error_code& ec,
                                               call_site where = call_site::here()) const;

    /// All entries but "." and "..", in no particular order.
    [[nodiscard]] WEFT_MIXED_FN std::vector<directory_entry> list(call_site where = call_site::here()) const;
    [[nodiscard]] WEFT_MIXED_FN std::vector<directory_entry> list(std::error_code& ec,
                                                                  call_site where = call_site::here()) const;

    /// Follows symbolic links.
    [[nodiscard]] WEFT_MIXED_FN file_status status(path const& name, call_site where = call_site::here()) const;
    [[nodiscard]] WEFT_MIXED_FN file_status status(path const& name, std::error_code& ec,
                                                   call_site where = call_site::here()) const;

    WEFT_MIXED_FN void make_directory(path const& name, call_site where = call_site::here()) const;
    WEFT_MIXED_FN void make_directory(path const& name, std::error_code& ec, call_site where = call_site::here()) const;

    /// Removes a name of a file; the file itself goes with its last name.
    WEFT_MIXED_FN void remove(path const& name, call_site where = call_site::here()) const;
    WEFT_MIXED_FN void remove(path const& name, std::error_code& ec, call_site where = call_site::here()) const;
    /// An empty directory.
    WEFT_MIXED_FN void remove_directory(path const& name, call_site where = call_site::here()) const;
    WEFT_MIXED_FN void remove_directory(path const& name, std::error_code& ec,
                                        call_site where = call_site::here()) const;

    /// Replaces what was called `to` before, atomically.
    WEFT_MIXED_FN void rename(path const& from, path const& to, call_site where = call_site::here()) const;
    WEFT_MIXED_FN void rename(path const& from, path const& to, std::error_code& ec,
                              call_site where = call_site::here()) const;

    /// Returns when the present names in it are on the medium.
    WEFT_MIXED_FN void sync(call_site where = call_site::here()) const;
    WEFT_MIXED_FN void sync(std::error_code& ec, call_site where = call_site::here()) const;

    [[nodiscard]] int fd() const { return descriptor_.fd(); }
    explicit operator bool() const { return static_cast<bool>(descriptor_); }
    void close() noexcept { descriptor_.close(); }

private:
    explicit directory(descriptor d) : descriptor_(std::move(d)) {}

    descriptor descriptor_;
};

}  // namespace weft
