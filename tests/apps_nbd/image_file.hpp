// A file that is an image for a test.

#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <weft/descriptor.hpp>

inline constexpr std::uint64_t image_size = 8 << 20;

class image_file {
public:
    image_file() {
        weft::descriptor made(mkstemp(path_.data()));
        EXPECT_EQ(ftruncate(made.fd(), image_size), 0);
    }
    image_file(image_file const&) = delete;
    image_file& operator=(image_file const&) = delete;
    ~image_file() { unlink(path_.c_str()); }
    [[nodiscard]] std::string const& path() const { return path_; }

private:
    std::string path_ = std::filesystem::temp_directory_path() / "weft-nbd-image-XXXXXX";
};
