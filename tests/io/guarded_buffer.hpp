// A buffer that nobody may touch once the call that it was given to has returned.

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace worlds {

class guarded_buffer {
public:
    explicit guarded_buffer(std::size_t size = 64) : bytes_(size, std::byte{0xa5}) {}
    guarded_buffer(guarded_buffer const&) = delete;
    guarded_buffer& operator=(guarded_buffer const&) = delete;
    ~guarded_buffer() { ASAN_UNPOISON_MEMORY_REGION(bytes_.data(), bytes_.size()); }

    /// For a call.
    [[nodiscard]] std::span<std::byte> open() {
        ASAN_UNPOISON_MEMORY_REGION(bytes_.data(), bytes_.size());
        std::fill(bytes_.begin(), bytes_.end(), std::byte{0xa5});
        return bytes_;
    }
    /// The call has returned, with `n` bytes: from here on the program may not touch it (ASan watches), and the kernel,
    /// whom nothing watches, may not change it. Returns the bytes.
    std::string seal(std::size_t n) {
        after_ = bytes_;
        ASAN_POISON_MEMORY_REGION(bytes_.data(), bytes_.size());
        return {reinterpret_cast<char const*>(after_.data()), n};
    }
    void expect_untouched() {
        ASAN_UNPOISON_MEMORY_REGION(bytes_.data(), bytes_.size());
        EXPECT_TRUE(bytes_ == after_) << "the buffer was written to after the call had returned";
        ASAN_POISON_MEMORY_REGION(bytes_.data(), bytes_.size());
    }

private:
    std::vector<std::byte> bytes_;
    std::vector<std::byte> after_ = bytes_;
};

}  // namespace worlds
