// An image: a raw file, served under a name.

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <weft/file.hpp>

namespace nbd {

class image {
public:
    /// Opens the file. With `create_size` one that is missing is created, that large.
    /// Throws std::system_error that names the file.
    image(std::string name, std::filesystem::path path, bool read_only, std::optional<std::uint64_t> create_size);

    [[nodiscard]] std::string const& name() const { return name_; }
    [[nodiscard]] std::filesystem::path const& path() const { return path_; }
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] bool read_only() const { return read_only_; }

    // All of these suspend. The range lies inside the image.

    /// Fails with io_error when the file has become shorter than the image was.
    void read(std::span<std::byte> data, std::uint64_t offset, std::error_code& ec);
    void write(std::span<std::byte const> data, std::uint64_t offset, bool durable, std::error_code& ec);
    /// Tells the file system that the range is not needed. A file system that can't do with that ignores it.
    void trim(std::uint64_t offset, std::uint64_t length, std::error_code& ec);
    void write_zeroes(std::uint64_t offset, std::uint64_t length, bool keep_allocated, std::error_code& ec);
    /// Returns when all that was written is on the medium.
    void sync(std::error_code& ec);

private:
    std::string name_;
    std::filesystem::path path_;
    bool read_only_;
    weft::file file_;
    std::uint64_t size_;
};

}  // namespace nbd
