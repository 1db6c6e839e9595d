#include <gtest/gtest.h>

#include <string>
#include <weft/socket.hpp>

#include "streams.hpp"

namespace {

using namespace worlds;

TEST(endpoint, prints_an_ipv4_address_with_its_port) {
    EXPECT_EQ(loopback(10809).text(), "127.0.0.1:10809");
}

TEST(endpoint, prints_an_ipv6_address_in_brackets) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(80);
    address.sin6_addr = in6addr_loopback;
    EXPECT_EQ(weft::endpoint(reinterpret_cast<sockaddr*>(&address), sizeof address).text(), "[::1]:80");
}

TEST(endpoint, prints_the_path_of_a_unix_socket) {
    EXPECT_EQ(weft::endpoint::unix_path("/run/nbd.sock").text(), "unix:/run/nbd.sock");
}

TEST(endpoint, prints_a_unix_socket_without_a_name) {
    auto a_and_b = weft::unix_stream_pair();
    auto& a = a_and_b.first;
    EXPECT_EQ(a.peer().text(), "unix");
}

TEST(endpoint, prints_the_longest_path_of_a_unix_socket) {
    std::string longest = '/' + std::string(106, 'x');
    EXPECT_EQ(weft::endpoint::unix_path(longest).text(), "unix:" + longest);
}

TEST(endpoint, a_path_that_does_not_fit_is_an_error_that_names_it) {
    std::string too_long = '/' + std::string(107, 'x');
    try {
        auto e = weft::endpoint::unix_path(too_long);
        FAIL() << e.text();
    } catch (std::system_error const& e) {
        EXPECT_EQ(e.code(), std::errc::filename_too_long);
        EXPECT_NE(std::string(e.what()).find(too_long), std::string::npos) << e.what();
    }
}

}  // namespace
