#include "base/fixed_text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace {

using weft::detail::fixed_text;

TEST(fixed_text, puts_together_texts_and_numbers) {
    fixed_text text;
    (text << "id " << std::uint64_t{17} << " at ").hexadecimal(0xc0ffee) << "; ";
    text << std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(text.view(), "id 17 at 0xc0ffee; 18446744073709551615");
}

TEST(fixed_text, that_is_too_long_is_cut_off_and_still_ends_its_line) {
    fixed_text text;
    std::string part(300, 'x');
    for (int i = 0; i < 10; ++i) {
        text << part;
    }
    EXPECT_EQ(text.view(), std::string(1'023, 'x'));
    EXPECT_EQ(text.line(), std::string(1'023, 'x') + '\n');
}

}  // namespace
