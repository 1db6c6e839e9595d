#include <weft/call_site.hpp>

#include <gtest/gtest.h>

#include <cstdint>

#include "base/fatal.hpp"

namespace {

using weft::call_site;

call_site caller(call_site where = call_site::here()) {
    return where;
}

TEST(call_site, is_the_callers_file_and_line) {
    call_site where = caller();
    EXPECT_STREQ(where.file(), __FILE__);
    EXPECT_EQ(where.line(), unsigned{__LINE__} - 2);
}

TEST(call_site, is_one_word) {
    EXPECT_EQ(sizeof(call_site), sizeof(std::uint64_t));
}

TEST(call_site, that_is_unknown_has_no_file_and_no_line) {
    EXPECT_STREQ(call_site().file(), "");
    EXPECT_EQ(call_site().line(), 0U);
    EXPECT_EQ(weft::detail::text(call_site()), "an unknown place");
}

TEST(call_site, tells_the_lines_of_long_files_up_to_16_bits) {
    EXPECT_EQ(call_site("long.cpp", 65'534).line(), 65'534U);
    EXPECT_EQ(call_site("long.cpp", 70'000).line(), 65'535U);
    EXPECT_EQ(weft::detail::text(call_site("long.cpp", 70'000)), "long.cpp:65535");
}

TEST(call_site, never_names_a_wrong_file_or_line_where_an_address_does_not_fit) {
    if constexpr (sizeof(void*) == 8) {
        auto* far_away = reinterpret_cast<char const*>(static_cast<std::uintptr_t>(0x01'2345'6789'abcd));
        call_site where(far_away, 41);
        EXPECT_STREQ(where.file(), "");
        EXPECT_EQ(where.line(), 41U);
    }
}

}  // namespace
