#include "image.hpp"

#include <algorithm>
#include <array>

namespace nbd {
namespace {

bool not_supported(std::error_code const& ec) {
    return ec == std::errc::operation_not_supported || ec == std::errc::not_supported ||
           ec == std::errc::inappropriate_io_control_operation;
}

void make(std::filesystem::path const& path, std::uint64_t size) {
    auto made = weft::file::open(path, weft::file::mode::create);
    made.resize(size);
}

}  // namespace

image::image(std::string name, std::filesystem::path path, bool read_only, std::optional<std::uint64_t> create_size)
    : name_(std::move(name)), path_(std::move(path)), read_only_(read_only) {
    if (create_size && !std::filesystem::exists(path_)) {
        make(path_, *create_size);
    }
    if (std::filesystem::is_directory(path_)) {
        throw std::system_error(std::make_error_code(std::errc::is_a_directory), "cannot open " + path_.string());
    }
    file_ = weft::file::open(path_, read_only ? weft::file::mode::read : weft::file::mode::read_write);
    size_ = file_.size();
}

void image::read(std::span<std::byte> data, std::uint64_t offset, std::error_code& ec) {
    if (file_.read_at(data, offset, ec) < data.size() && !ec) {
        ec = std::make_error_code(std::errc::io_error);
    }
}

void image::write(std::span<std::byte const> data, std::uint64_t offset, bool durable, std::error_code& ec) {
    file_.write_all_at(data, offset, durable, ec);
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

void image::write_zeroes(std::uint64_t offset, std::uint64_t length, bool keep_allocated, std::error_code& ec) {
    if (length == 0) {
        return;
    }
    if (keep_allocated) {
        file_.zero(offset, length, ec);
    } else {
        file_.punch(offset, length, ec);
    }
    if (!not_supported(ec)) {
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
    file_.sync_data(ec);
}

}  // namespace nbd
