#include <gtest/gtest.h>

#include <netinet/tcp.h>

#include <array>
#include <string>
#include <weft/socket.hpp>

#include "streams.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;

TEST(options, keep_alive_sets_all_its_times) {
    auto a_and_b = tcp_pair();
    auto& s = a_and_b.first;
    s.set_keep_alive(30s, 5s, 3);
    EXPECT_EQ(s.option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(s.option(IPPROTO_TCP, TCP_KEEPIDLE), 30);
    EXPECT_EQ(s.option(IPPROTO_TCP, TCP_KEEPINTVL), 5);
    EXPECT_EQ(s.option(IPPROTO_TCP, TCP_KEEPCNT), 3);
    s.set_keep_alive(false);
    EXPECT_EQ(s.option(SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST(options, no_delay_can_be_switched) {
    auto a_and_b = tcp_pair();
    a_and_b.first.set_no_delay(true);
    EXPECT_EQ(a_and_b.first.option(IPPROTO_TCP, TCP_NODELAY), 1);
    a_and_b.first.set_no_delay(false);
    EXPECT_EQ(a_and_b.first.option(IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST(options, buffer_sizes_are_what_the_system_makes_of_them) {
    auto a_and_b = weft::unix_stream_pair();
    a_and_b.first.set_send_buffer(20'000);
    a_and_b.first.set_receive_buffer(30'000);
    EXPECT_EQ(a_and_b.first.option(SOL_SOCKET, SO_SNDBUF), 40'000);
    EXPECT_EQ(a_and_b.first.option(SOL_SOCKET, SO_RCVBUF), 60'000);
}

TEST(options, one_that_the_socket_does_not_have_is_an_error_that_names_it) {
    auto a_and_b = weft::unix_stream_pair();
    std::system_error e = thrown_by([&] { a_and_b.first.set_no_delay(true); });
    EXPECT_EQ(e.code(), std::errc::operation_not_supported);
    EXPECT_NE(std::string(e.what()).find("TCP_NODELAY"), std::string::npos) << e.what();
}

TEST(options, hops_can_be_limited_with_both_versions_of_ip) {
    weft::udp_socket four(loopback());
    four.set_ttl(3);
    EXPECT_EQ(four.option(IPPROTO_IP, IP_TTL), 3);
    weft::udp_socket six(weft::endpoint::ip("::1", 0));
    six.set_ttl(4);
    EXPECT_EQ(six.option(IPPROTO_IPV6, IPV6_UNICAST_HOPS), 4);
}

TEST(options, listeners_share_a_port_if_all_want_to) {
    weft::tcp_listener first(loopback(), {{.reuse_port = true}});
    EXPECT_NO_THROW(weft::tcp_listener(first.local(), {{.reuse_port = true}}));
    EXPECT_THROW(weft::tcp_listener(first.local()), std::system_error);
}

TEST(options, ipv6_alone_leaves_the_port_to_ipv4) {
    weft::tcp_listener six(weft::endpoint::ip("::", 0), {{.ipv6_only = true}});
    std::uint16_t port = six.local().port();
    EXPECT_NO_THROW(weft::tcp_listener(weft::endpoint::ip("0.0.0.0", port)));
}

TEST(options, lingering_for_no_time_resets_the_connection) {
    in_both_worlds([] {
        auto a_and_b = tcp_pair();
        a_and_b.first.set_linger(0s);
        a_and_b.first.close();
        EXPECT_EQ(thrown_by([&] { read_text(a_and_b.second); }).code(), std::errc::connection_reset);
    });
}

TEST(options, without_lingering_the_peer_gets_all_and_the_end) {
    in_both_worlds([] {
        auto a_and_b = tcp_pair();
        a_and_b.first.set_linger(0s);
        a_and_b.first.set_linger(std::nullopt);
        a_and_b.first.write_all(bytes_of("last"));
        a_and_b.first.close();
        EXPECT_EQ(weft::read_all(a_and_b.second, 100), "last");
    });
}

TEST(half_close, the_peer_reads_the_end_and_can_still_answer) {
    in_both_worlds([] {
        auto a_and_b = tcp_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        auto server = weft::spawn([&] {
            std::string question = weft::read_all(b, 100);
            b.write_all(bytes_of("answer to " + question));
            b.shutdown_write();
        });
        a.write_all(bytes_of("question"));
        a.shutdown_write();
        EXPECT_EQ(weft::read_all(a, 100), "answer to question");
        server.join();
    });
}

TEST(half_close, a_write_after_it_is_an_error) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_stream_pair();
        a_and_b.first.shutdown_write();
        EXPECT_EQ(thrown_by([&] { a_and_b.first.write_all(bytes_of("x")); }).code(), std::errc::broken_pipe);
        a_and_b.second.write_all(bytes_of("still"));
        EXPECT_EQ(read_text(a_and_b.first), "still");
    });
}

TEST(half_close, ends_ones_own_reads) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_stream_pair();
        auto reader = weft::spawn([&] { return read_text(a_and_b.first); });
        let_others_run();
        a_and_b.first.shutdown_read();
        EXPECT_EQ(reader.join(), "");
    });
}

TEST(half_close, of_what_is_not_connected_is_an_error) {
    weft::tcp_listener listener(loopback());
    weft::stream never_connected(weft::descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    EXPECT_EQ(thrown_by([&] { never_connected.shutdown_write(); }).code(), std::errc::not_connected);
}

TEST(endpoint, is_made_of_digits) {
    EXPECT_EQ(weft::endpoint::ip("127.0.0.1", 80).text(), "127.0.0.1:80");
    EXPECT_EQ(weft::endpoint::ip("::1", 443).text(), "[::1]:443");
    EXPECT_EQ(weft::endpoint::ip("::1", 443).port(), 443);
}

TEST(endpoint, of_a_name_is_an_error_that_names_it) {
    std::system_error e = thrown_by([] { (void)weft::endpoint::ip("localhost", 80); });
    EXPECT_EQ(e.code(), std::errc::invalid_argument);
    EXPECT_NE(std::string(e.what()).find("localhost"), std::string::npos) << e.what();
}

TEST(endpoint, is_equal_to_one_with_the_same_address_and_port) {
    EXPECT_EQ(loopback(80), weft::endpoint::ip("127.0.0.1", 80));
    EXPECT_FALSE(loopback(80) == loopback(81));
    EXPECT_FALSE(loopback(80) == weft::endpoint::ip("::1", 80));
}

}  // namespace
