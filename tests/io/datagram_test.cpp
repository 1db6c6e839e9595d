#include <gtest/gtest.h>

#include <net/if.h>

#include <array>
#include <string>
#include <weft/udp.hpp>
#include <weft/unix.hpp>

#include "worlds.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;

class unix_messages : public folder {};

template <class Socket>
std::string receive_text(Socket& s) {
    std::array<std::byte, 100> buffer;
    weft::datagram got = s.receive_from(buffer);
    return text_of(std::span(buffer).first(got.size));
}

TEST(udp, brings_a_message_and_says_from_whom) {
    in_both_worlds([] {
        weft::udp_socket a(loopback());
        weft::udp_socket b(loopback());
        a.send_to(bytes_of("hello"), b.local());
        std::array<std::byte, 100> buffer;
        weft::datagram got = b.receive_from(buffer);
        EXPECT_EQ(text_of(std::span(buffer).first(got.size)), "hello");
        EXPECT_FALSE(got.truncated);
        EXPECT_EQ(got.from, a.local());
    });
}

TEST(udp, waits_for_a_message) {
    in_both_worlds([] {
        weft::udp_socket a(loopback());
        weft::udp_socket b(loopback());
        auto receiver = weft::spawn([&] { return receive_text(b); });
        let_others_run();
        EXPECT_FALSE(receiver.done());
        a.send_to(bytes_of("late"), b.local());
        EXPECT_EQ(receiver.join(), "late");
    });
}

TEST(udp, works_with_ipv6) {
    in_both_worlds([] {
        weft::udp_socket a(weft::endpoint::ip("::1", 0));
        weft::udp_socket b(weft::endpoint::ip("::1", 0));
        a.send_to(bytes_of("six"), b.local());
        EXPECT_EQ(receive_text(b), "six");
    });
}

TEST(udp, an_empty_message_is_one) {
    in_both_worlds([] {
        weft::udp_socket a(loopback());
        weft::udp_socket b(loopback());
        a.send_to({}, b.local());
        a.send_to(bytes_of("next"), b.local());
        std::array<std::byte, 10> buffer;
        weft::datagram got = b.receive_from(buffer);
        EXPECT_EQ(got.size, 0U);
        EXPECT_EQ(got.from, a.local());
        EXPECT_EQ(receive_text(b), "next");
    });
}

TEST(udp, what_does_not_fit_is_cut_and_said_to_be) {
    in_both_worlds([] {
        weft::udp_socket a(loopback());
        weft::udp_socket b(loopback());
        a.send_to(bytes_of("0123456789"), b.local());
        a.send_to(bytes_of("next"), b.local());
        std::array<std::byte, 4> buffer;
        weft::datagram got = b.receive_from(buffer);
        EXPECT_EQ(got.size, 4U);
        EXPECT_TRUE(got.truncated);
        EXPECT_EQ(text_of(buffer), "0123");
        EXPECT_EQ(receive_text(b), "next");
    });
}

TEST(udp, gathers_and_scatters) {
    in_both_worlds([] {
        weft::udp_socket a(loopback());
        weft::udp_socket b(loopback());
        std::string head = "head";
        std::string body = "body";
        std::array<iovec, 2> out{{{head.data(), head.size()}, {body.data(), body.size()}}};
        std::error_code ec;
        a.send_to(out, b.local(), ec);
        EXPECT_FALSE(ec) << ec.message();
        std::array<char, 3> first{};
        std::array<char, 10> second{};
        std::array<iovec, 2> in{{{first.data(), first.size()}, {second.data(), second.size()}}};
        EXPECT_EQ(b.receive_from(in, ec).size, 8U);
        EXPECT_EQ(std::string(first.data(), 3) + '|' + std::string(second.data(), 5), "hea|dbody");
    });
}

TEST(udp, a_connected_one_sends_to_its_peer_and_hears_no_other) {
    in_both_worlds([] {
        weft::udp_socket server(loopback());
        weft::udp_socket stranger(loopback());
        weft::udp_socket client = weft::udp_socket::connected_to(server.local());
        client.send(bytes_of("question"));
        EXPECT_EQ(receive_text(server), "question");
        stranger.send_to(bytes_of("spam"), client.local());
        server.send_to(bytes_of("answer"), client.local());
        EXPECT_EQ(receive_text(client), "answer");
    });
}

TEST(udp, a_connected_one_learns_that_nobody_is_there) {
    in_both_worlds([] {
        weft::endpoint nobody = weft::udp_socket(loopback()).local();
        weft::udp_socket client = weft::udp_socket::connected_to(nobody);
        client.send(bytes_of("anybody?"));
        EXPECT_EQ(thrown_by([&] { receive_text(client); }).code(), std::errc::connection_refused);
    });
}

TEST(udp, one_that_is_too_large_is_an_error) {
    in_both_worlds([] {
        weft::udp_socket a(loopback());
        std::vector<std::byte> large(70'000);
        EXPECT_EQ(thrown_by([&] { a.send_to(large, a.local()); }).code(), std::errc::message_size);
    });
}

TEST(udp, an_address_in_use_is_an_error_that_names_it) {
    weft::udp_socket a(loopback());
    std::system_error e = thrown_by([&] { weft::udp_socket b(a.local()); });
    EXPECT_EQ(e.code(), std::errc::address_in_use);
    EXPECT_NE(std::string(e.what()).find(a.local().text()), std::string::npos) << e.what();
}

TEST(udp, several_may_share_a_port) {
    weft::udp_socket a(loopback(), {.reuse_port = true});
    EXPECT_NO_THROW(weft::udp_socket(a.local(), {.reuse_port = true}));
}

TEST(udp, many_messages_keep_their_order_on_loopback) {
    in_both_worlds([] {
        weft::udp_socket a(loopback());
        weft::udp_socket b(loopback());
        auto receiver = weft::spawn([&] {
            for (int i = 0; i < 100; ++i) {
                ASSERT_EQ(receive_text(b), std::to_string(i));
            }
        });
        for (int i = 0; i < 100; ++i) {
            a.send_to(bytes_of(std::to_string(i)), b.local());
            if (i % 10 == 0) {
                let_others_run();
            }
        }
        receiver.join();
    });
}

TEST(udp, joins_a_multicast_group) {
    in_both_worlds([] {
        unsigned loopback_interface = if_nametoindex("lo");
        weft::udp_socket member(weft::endpoint::ip("0.0.0.0", 0));
        weft::endpoint group = weft::endpoint::ip("239.1.2.3", member.local().port());
        member.join_group(group, loopback_interface);
        weft::udp_socket sender(loopback());
        sender.set_multicast_interface(loopback_interface);
        sender.set_multicast_ttl(1);
        sender.set_multicast_loop(true);
        sender.send_to(bytes_of("to all"), group);
        EXPECT_EQ(weft::with_limit(10s, [&] { return receive_text(member); }), "to all");
        member.leave_group(group, loopback_interface);
        EXPECT_EQ(thrown_by([&] { member.leave_group(group, loopback_interface); }).code(),
                  std::errc::address_not_available);
    });
}

TEST(udp, broadcasts_only_when_allowed_to) {
    weft::udp_socket a(weft::endpoint::ip("0.0.0.0", 0));
    weft::endpoint all = weft::endpoint::ip("127.255.255.255", 9);
    EXPECT_EQ(thrown_by([&] { a.send_to(bytes_of("x"), all); }).code(), std::errc::permission_denied);
    a.set_broadcast(true);
    EXPECT_NO_THROW(a.send_to(bytes_of("x"), all));
}

TEST_F(unix_messages, go_to_a_name_and_back) {
    in_both_worlds([&] {
        weft::unix_datagram server(path("server"));
        weft::unix_datagram client(path("client"));
        client.send_to(bytes_of("question"), server.local());
        std::array<std::byte, 100> buffer;
        weft::datagram got = server.receive_from(buffer);
        EXPECT_EQ(got.from.text(), "unix:" + path("client").string());
        server.send_to(bytes_of("answer"), got.from);
        EXPECT_EQ(receive_text(client), "answer");
    });
}

TEST_F(unix_messages, the_name_is_removed_when_the_socket_goes_and_one_left_behind_is_replaced) {
    {
        weft::unix_datagram server(path("server"));
        EXPECT_THROW(weft::unix_datagram{path("server")}, std::system_error);
    }
    EXPECT_FALSE(std::filesystem::exists(path("server")));
    weft::endpoint address = weft::endpoint::unix_path(path("server"));
    int left_behind = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(left_behind, address.data(), address.size()), 0);
    ::close(left_behind);
    EXPECT_NO_THROW(weft::unix_datagram{path("server")});
}

TEST_F(unix_messages, a_sender_waits_while_the_receiver_has_enough) {
    in_both_worlds([&] {
        weft::unix_datagram server(path("server"));
        auto send_all = [&](auto send) {
            auto sender = weft::spawn([send] {
                for (int i = 0; i < 500; ++i) {
                    send(std::to_string(i));
                }
            });
            let_others_run_on();
            EXPECT_FALSE(sender.done());
            for (int i = 0; i < 500; ++i) {
                ASSERT_EQ(weft::with_limit(10s, [&] { return receive_text(server); }), std::to_string(i));
            }
            sender.join();
        };
        weft::unix_datagram connected = weft::unix_datagram::connected_to(path("server"));
        send_all([&](std::string const& text) { connected.send(bytes_of(text)); });
        weft::unix_datagram other(path("other"));
        weft::endpoint to = server.local();
        send_all([&](std::string const& text) { other.send_to(bytes_of(text), to); });
    });
}

TEST_F(unix_messages, a_sender_that_has_nothing_under_way_goes_on_too_when_there_is_room) {
    in_both_worlds([&] {
        weft::unix_datagram server(path("server"));
        weft::unix_datagram busy = weft::unix_datagram::connected_to(path("server"));
        int fill = 0;
        while (::send(busy.fd(), "x", 1, MSG_DONTWAIT) == 1) {
            ++fill;
        }
        weft::unix_datagram other(path("other"));
        auto sender = weft::spawn([&] { other.send_to(bytes_of("last"), server.local()); });
        let_others_run_on();
        EXPECT_FALSE(sender.done());
        for (; fill > 0; --fill) {
            EXPECT_EQ(receive_text(server), "x");
        }
        EXPECT_EQ(weft::with_limit(10s, [&] { return receive_text(server); }), "last");
        sender.join();
    });
}

TEST(unix_message_pair, is_connected_both_ways) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_datagram_pair();
        a_and_b.first.send(bytes_of("there"));
        a_and_b.second.send(bytes_of("back"));
        EXPECT_EQ(receive_text(a_and_b.second), "there");
        EXPECT_EQ(receive_text(a_and_b.first), "back");
    });
}

}  // namespace
