// Floor: base
//
// Where a function was called: file and line, as messages and debuggers name it. Functions that can be misused take one as
// their last, defaulted argument, so that a message can name the caller's line:
//
//     void yield(weft::call_site where = weft::call_site::here());
//
// It is one word, so that keeping it costs one store: the line in the upper 16 bits, the address of the file's name
// in the lower 48. Lines above 65,535 are stored as 65,535. An address of static data fits: systems with longer
// addresses keep programs and their libraries below bit 47 (Linux, Documentation/arch/x86/x86_64/5level-paging.rst:
// only a hint to mmap(2) leads higher). HWAddressSanitizer keeps a tag in the upper byte, which is left out;
// processors that know tags ignore them in a load. For any other address that does not fit, only the line is kept.
//
// std::source_location does the same in two words in some libraries, and needs clang 16.

#pragma once

#include <cstdint>

#if defined(__has_feature)
#if __has_feature(hwaddress_sanitizer)
#define WEFT_TAGGED_ADDRESSES 1
#endif
#endif
#if defined(__SANITIZE_HWADDRESS__)
#define WEFT_TAGGED_ADDRESSES 1
#endif

namespace weft {

class call_site {
public:
    /// Unknown. Messages leave it out or say that it is unknown.
    constexpr call_site() = default;
    /// `file` stays valid as long as the call site is used; mostly it is a literal.
    call_site(char const* file, unsigned line) : call_site(fits(file) ? file : nullptr, line, unchecked()) {}

    /// The caller's, as a default argument.
    [[gnu::always_inline]] static call_site here(char const* file = __builtin_FILE(),
                                                 unsigned line = __builtin_LINE()) {
#if defined(WEFT_TAGGED_ADDRESSES)
        return {without_tag(file), line, unchecked()};
#else
        return {file, line, unchecked()};
#endif
    }

    /// "" if it is unknown.
    [[nodiscard]] char const* file() const {
        std::uint64_t address = word_ & lower_bits;
        return address == 0 ? "" : reinterpret_cast<char const*>(static_cast<std::uintptr_t>(address));
    }
    /// 0 if it is unknown.
    [[nodiscard]] unsigned line() const {
        return static_cast<unsigned>(word_ >> 48);
    }

private:
    struct unchecked {};
    static constexpr std::uint64_t lower_bits = (std::uint64_t{1} << 48) - 1;

    [[gnu::always_inline]] call_site(char const* file, unsigned line, unchecked)
        : word_((static_cast<std::uint64_t>(line < 0xffff ? line : 0xffff) << 48) |
                reinterpret_cast<std::uintptr_t>(file)) {}

    static bool fits(char const* file) {
        return (reinterpret_cast<std::uintptr_t>(file) & ~lower_bits) == 0;
    }
    static char const* without_tag(char const* file) {
        return reinterpret_cast<char const*>(
            static_cast<std::uintptr_t>(reinterpret_cast<std::uintptr_t>(file) & lower_bits));
    }

    std::uint64_t word_ = 0;
};

}  // namespace weft
