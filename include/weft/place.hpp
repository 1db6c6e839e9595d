// Floor: base
//
// A place in the source, as messages and debuggers name it. Functions that can be misused take one as their last,
// defaulted argument, so that a message can name the caller's line:
//
//     void yield(weft::place where = weft::place::here());
//
// It is one word, so that keeping it costs one store: the line in the upper 16 bits, the address of the file's name in
// the lower 48 (user space ends at bit 47 on every 64-bit system that weft knows). Lines from 65,535 on read as that.
// std::source_location does the same in two words, and not with clang 14.

#pragma once

#include <cstdint>

namespace weft {

class place {
public:
    constexpr place() = default;
    place(char const* file, unsigned line)
        : word_((static_cast<std::uint64_t>(line < 0xffff ? line : 0xffff) << 48) |
                reinterpret_cast<std::uintptr_t>(file)) {}

    [[gnu::always_inline]] static place here(char const* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
        return {file, line};
    }

    [[nodiscard]] char const* file() const {
        return word_ == 0 ? "" : reinterpret_cast<char const*>(static_cast<std::uintptr_t>(word_ << 16 >> 16));
    }
    [[nodiscard]] unsigned line() const { return static_cast<unsigned>(word_ >> 48); }

private:
    std::uint64_t word_ = 0;
};

}  // namespace weft
