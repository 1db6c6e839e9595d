// Floor: base
//
// A text that is put together where nothing may be allocated: in a signal's handler. What does not fit is cut off.

#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weft::detail {

class fixed_text {
public:
    fixed_text& operator<<(std::string_view text) noexcept {
        std::size_t length = std::min(text.size(), most - size_);
        std::memcpy(characters_.data() + size_, text.data(), length);
        size_ += length;
        return *this;
    }
    fixed_text& operator<<(std::uint64_t number) noexcept { return add(number, 10); }
    fixed_text& hexadecimal(std::uint64_t number) noexcept { return (*this << "0x").add(number, 16); }

    [[nodiscard]] std::string_view view() const noexcept { return {characters_.data(), size_}; }
    /// view() and an end of line, for which there is always room.
    [[nodiscard]] std::string_view line() noexcept {
        characters_[size_] = '\n';
        return {characters_.data(), size_ + 1};
    }

private:
    fixed_text& add(std::uint64_t number, int base) noexcept {
        char digits[20];
        char* end = std::to_chars(std::begin(digits), std::end(digits), number, base).ptr;
        return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
    }

    // A signal stack of 8 KiB has to hold two of them, and what the kernel and the linker need.
    static constexpr std::size_t most = 1023;

    std::array<char, most + 1> characters_;
    std::size_t size_ = 0;
};

}  // namespace weft::detail
