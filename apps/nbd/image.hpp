// An image: a raw file, served under a name.

#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>
#include <weft/file.hpp>
#include <weft/mutex.hpp>

namespace nbd {

/// A part of an image that has data, or has none and reads as zeros.
struct extent {
    std::uint64_t length;
    bool hole;
};

class image {
public:
    /// How to zero a range.
    enum class zeroing : std::uint8_t {
        any,             ///< With a hole, if the file system can.
        keep_allocated,  ///< Later writes to it don't fail for want of room.
    };

    /// Opens the file. With `create_size` one that is missing is created, that large; if that fails, nothing is left of it.
    /// Throws std::system_error that names the file: also if it is neither a file nor a block device. Suspends.
    image(std::string name, std::filesystem::path path, bool read_only, std::optional<std::uint64_t> create_size);

    [[nodiscard]] std::string const& name() const { return name_; }
    [[nodiscard]] std::string const& description() const { return description_; }
    void describe(std::string text) { description_ = std::move(text); }
    [[nodiscard]] std::filesystem::path const& path() const { return path_; }
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] bool read_only() const { return read_only_; }
    [[nodiscard]] weft::file& file() { return file_; }

    /// Removes the file if this object has made it: for a start that fails.
    void take_back() noexcept;

    // All of these suspend. Threads: any, and several at once. The range lies inside the image.

    /// Fails with io_error when the file has become shorter than the image was.
    void read(std::span<std::byte> data, std::uint64_t offset, std::error_code& ec);
    /// Whether the range can be read without the medium. Suspends: no.
    [[nodiscard]] bool is_cached(std::uint64_t offset, std::uint64_t length) const;
    /// `durable`: returns when it is on the medium.
    void write(std::span<std::byte const> data, std::uint64_t offset, bool durable, std::error_code& ec);
    /// Tells the file system that the range is not needed. A file system that can't do with that ignores it.
    void trim(std::uint64_t offset, std::uint64_t length, std::error_code& ec);
    /// `fast`: fails with not_supported where zeros would have to be written.
    void write_zeroes(std::uint64_t offset, std::uint64_t length, zeroing how, bool fast, std::error_code& ec);
    /// Returns when all that was written is on the medium. Once that has failed it always fails: the system tells of writes
    /// that it has lost only once. So one sync runs at a time, and does for all who have come before it begins.
    void sync(std::error_code& ec);
    /// Begins to read the range into the page cache.
    void read_ahead(std::uint64_t offset, std::uint64_t length);
    /// What the range consists of, from its start on; at most so many parts, which then don't reach its end.
    [[nodiscard]] std::vector<extent> extents(std::uint64_t offset, std::uint64_t length, std::size_t most) const;

private:
    void open(std::optional<std::uint64_t> create_size);
    void write_durably(std::span<std::byte const> data, std::uint64_t offset, std::error_code& ec);

    std::string name_;
    std::string description_;
    std::filesystem::path path_;
    bool read_only_;
    bool made_ = false;
    struct syncs {
        std::atomic<bool> failed{false};
        std::atomic<std::uint64_t> asked{0};
        weft::mutex one_at_a_time;
        std::uint64_t done = 0;  ///< Of those that were asked for. Under one_at_a_time.
        weft::mutex file_for_one_write;
    };
    std::unique_ptr<syncs> syncs_ = std::make_unique<syncs>();  ///< Behind a pointer, so that an image can be moved.
    weft::file file_;
    /// The same, opened once more, for one durable write at a time: the system tells each open file once of writes that it has lost,
    /// so of two at once on one, either could take what the other should have been told. Under file_for_one_write.
    weft::file file_for_one_write_;
    std::uint64_t size_ = 0;
};

}  // namespace nbd
