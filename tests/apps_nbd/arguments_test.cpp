#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "nbd/arguments.hpp"

namespace {

using words = std::pair<std::string, std::string>;

TEST(parse_size, knows_units_and_fractions) {
    EXPECT_EQ(nbd::parse_size("1"), 1U);
    EXPECT_EQ(nbd::parse_size("512B"), 512U);
    EXPECT_EQ(nbd::parse_size("4K"), 4096U);
    EXPECT_EQ(nbd::parse_size("4k"), 4096U);
    EXPECT_EQ(nbd::parse_size("10MiB"), 10U << 20);
    EXPECT_EQ(nbd::parse_size("1.5G"), 3ULL << 29);
    EXPECT_EQ(nbd::parse_size("0.5KB"), 512U);
    EXPECT_EQ(nbd::parse_size("2T"), 2ULL << 40);
    EXPECT_EQ(nbd::parse_size("7E"), 7ULL << 60);
    EXPECT_EQ(nbd::parse_size("9223372036854775807"), 9223372036854775807U);
}

TEST(parse_size, refuses_what_is_none_or_does_not_fit) {
    for (char const* text : {"",
                             "0",
                             "0K",
                             "-5",
                             "-5K",
                             "+1",
                             "many",
                             "1.5.5G",
                             ".",
                             "1.",
                             ".5G",
                             "1 G",
                             "1GG",
                             "1GiBB",
                             "B",
                             "1e9",
                             "0x10",
                             "8E",
                             "9223372036854775808",
                             "99999999999999999999",
                             "1iB",
                             "1BB"}) {
        EXPECT_FALSE(nbd::parse_size(text)) << text;
    }
}

TEST(split_address, takes_the_usual_port_where_none_is_given) {
    EXPECT_EQ(nbd::split_address("127.0.0.1:1"), words("127.0.0.1", "1"));
    EXPECT_EQ(nbd::split_address("localhost"), words("localhost", "10809"));
    EXPECT_EQ(nbd::split_address("::1"), words("::1", "10809"));
    EXPECT_EQ(nbd::split_address("[::1]"), words("::1", "10809"));
    EXPECT_EQ(nbd::split_address("[::1]:1"), words("::1", "1"));
    EXPECT_EQ(nbd::split_address("fe80::1%eth0"), words("fe80::1%eth0", "10809"));
}

TEST(split_address, takes_a_port_alone) {
    EXPECT_EQ(nbd::split_address("1234"), words("127.0.0.1", "1234"));
    EXPECT_EQ(nbd::split_address(":1234"), words("", "1234"));
}

TEST(split_image, finds_the_name) {
    EXPECT_EQ(nbd::split_image("disk.img"), words("disk.img", "disk.img"));
    EXPECT_EQ(nbd::split_image("/a/disk.img"), words("disk.img", "/a/disk.img"));
    EXPECT_EQ(nbd::split_image("a=disk.img"), words("a", "disk.img"));
    EXPECT_EQ(nbd::split_image("a=/x=y/disk"), words("a", "/x=y/disk"));
}

TEST(split_image, knows_a_path_that_has_an_equals_sign) {
    EXPECT_EQ(nbd::split_image("./a=b.img"), words("a=b.img", "./a=b.img"));
    EXPECT_EQ(nbd::split_image("/dir=1/b.img"), words("b.img", "/dir=1/b.img"));
    auto before = std::filesystem::current_path();
    char folder[] = "/tmp/weft-arguments-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    std::filesystem::current_path(folder);
    std::ofstream("there=is.img") << "x";
    EXPECT_EQ(nbd::split_image("there=is.img"), words("there=is.img", "there=is.img"));
    EXPECT_EQ(nbd::split_image("there=is-not.img"), words("there", "is-not.img"));
    std::filesystem::current_path(before);
    std::filesystem::remove_all(folder);
}

}  // namespace
