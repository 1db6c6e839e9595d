#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>

#include <array>
#include <string>
#include <vector>
#include <weft/socket.hpp>
#include <weft/task.hpp>

#include "../instrumented.hpp"
#include "streams.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;

TEST(tcp, echoes_between_coroutines) {
    in_both_worlds([] {
        weft::tcp_listener listener(loopback());
        auto server = weft::spawn([&] {
            weft::tcp_stream s = listener.accept();
            echo(s);
        });
        {
            weft::tcp_stream client = weft::tcp_stream::connect(listener.local());
            client.set_no_delay(true);
            client.write_all(bytes_of("hello"));
            EXPECT_EQ(read_text(client), "hello");
        }
        server.join();
    });
}

TEST(tcp, echoes_to_a_client_outside_coroutines) {
    weft::tcp_listener listener(loopback());
    auto server = weft::spawn([&] {
        weft::tcp_stream s = listener.accept();
        echo(s);
    });
    {
        weft::tcp_stream client = weft::tcp_stream::connect(listener.local());
        client.write_all(bytes_of("hello"));
        EXPECT_EQ(read_text(client), "hello");
    }
    server.join();
}

TEST(tcp, knows_both_ends) {
    in_both_worlds([] {
        auto a_and_b = tcp_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        EXPECT_EQ(a.local().text(), b.peer().text());
        EXPECT_EQ(a.peer().text(), b.local().text());
    });
}

TEST(tcp, a_reset_by_the_peer_is_an_error) {
    in_both_worlds([] {
        auto a_and_b = tcp_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        auto reader = weft::spawn([&] { return read_text(a); });
        let_others_run();
        linger at_once{1, 0};
        setsockopt(b.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        b.close();
        EXPECT_EQ(error_of(reader), std::errc::connection_reset);
    });
}

TEST(tcp, the_peer_of_a_connection_that_was_reset_is_still_known) {
    weft::run([] {
        weft::tcp_listener listener(weft::endpoint::ip("127.0.0.1", 0));
        auto client = weft::tcp_stream::connect(listener.local());
        auto served = listener.accept();
        weft::endpoint peer = client.local();
        client.set_linger(0s);
        client.close();
        std::array<std::byte, 1> buffer;
        std::error_code ec;
        served.read(buffer, ec);
        EXPECT_EQ(ec, std::errc::connection_reset);
        EXPECT_EQ(served.peer().text(), peer.text());
    });
}

TEST(tcp, a_listener_takes_over_a_socket_that_listens) {
    weft::run([] {
        weft::endpoint any = weft::endpoint::ip("127.0.0.1", 0);
        weft::descriptor made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(bind(made.fd(), any.data(), any.size()), 0);
        ASSERT_EQ(listen(made.fd(), 1), 0);
        weft::tcp_listener listener(std::move(made));
        auto client = weft::tcp_stream::connect(listener.local());
        EXPECT_EQ(listener.accept().peer(), client.local());
    });
}

TEST(tcp, a_refused_connection_names_the_address) {
    in_both_worlds([] {
        weft::endpoint nobody;
        {
            weft::tcp_listener listener(loopback());
            nobody = listener.local();
        }
        try {
            auto s = weft::tcp_stream::connect(nobody);
            FAIL() << "connected";
        } catch (std::system_error const& e) {
            EXPECT_EQ(e.code(), std::errc::connection_refused);
            EXPECT_NE(std::string(e.what()).find(nobody.text()), std::string::npos) << e.what();
        }
    });
}

TEST(tcp, a_port_in_use_is_an_error_that_names_the_address) {
    weft::tcp_listener listener(loopback());
    try {
        weft::tcp_listener second(listener.local());
        FAIL() << "both listen";
    } catch (std::system_error const& e) {
        EXPECT_EQ(e.code(), std::errc::address_in_use);
        EXPECT_NE(std::string(e.what()).find(listener.local().text()), std::string::npos) << e.what();
    }
}

TEST(tcp, hundreds_of_connections_at_once_are_all_served) {
    constexpr int connections = weft_test::how_many(500, 100);
    in_both_worlds([&] {
        int right = 0;
        weft::tcp_listener listener(loopback());
        weft::scope all;
        all.spawn([&] {
            for (int i = 0; i < connections; ++i) {
                all.spawn([s = listener.accept()]() mutable { echo(s); });
            }
        });
        for (int i = 0; i < connections; ++i) {
            all.spawn([&, i] {
                weft::tcp_stream client = weft::tcp_stream::connect(listener.local());
                std::string word = "client " + std::to_string(i);
                client.write_all(bytes_of(word));
                right += read_text(client) == word ? 1 : 0;
            });
        }
        all.join();
        EXPECT_EQ(right, connections);
    });
}

TEST(tcp, several_coroutines_may_accept_from_one_listener) {
    in_both_worlds([] {
        weft::tcp_listener listener(loopback());
        int accepted = 0;
        weft::scope servers;
        for (int i = 0; i < 5; ++i) {
            servers.spawn([&] {
                weft::tcp_stream s = listener.accept();
                ++accepted;
            });
        }
        let_others_run();
        for (int i = 0; i < 5; ++i) {
            weft::tcp_stream client = weft::tcp_stream::connect(listener.local());
            EXPECT_EQ(read_text(client), "");
        }
        servers.join();
        EXPECT_EQ(accepted, 5);
    });
}

TEST(listener, a_cancelled_accept_leaves_no_descriptor_and_takes_no_connection) {
    in_both_worlds([] {
        weft::tcp_listener listener(loopback());
        long before = open_descriptors();
        auto accepting = weft::spawn([&] { return listener.accept(); });
        let_others_run();
        accepting.cancel();
        EXPECT_EQ(error_of(accepting), std::errc::operation_canceled);
        EXPECT_EQ(open_descriptors(), before);
        weft::tcp_stream client = weft::tcp_stream::connect(listener.local());
        EXPECT_TRUE(listener.accept());
    });
}

TEST(listener, a_cancelled_connect_leaves_no_descriptor) {
    in_both_worlds([] {
        weft::listener full(loopback(), {{}, 1});
        std::vector<weft::tcp_stream> queued;
        auto fill = weft::spawn([&] {
            for (;;) {
                queued.push_back(weft::tcp_stream::connect(full.local()));
            }
        });
        std::size_t seen = 0;
        do {  // until a connect waits: the queue is full
            seen = queued.size();
            weft::sleep_for(50ms);
        } while (queued.size() != seen);
        long before = open_descriptors();
        fill.cancel();
        EXPECT_EQ(error_of(fill), std::errc::operation_canceled);
        EXPECT_EQ(open_descriptors(), before - 1);
    });
}

TEST(listener, recovers_when_descriptors_have_run_out) {
    in_both_worlds([] {
        weft::tcp_listener listener(loopback());
        weft::tcp_stream client = weft::tcp_stream::connect(listener.local());
        rlimit before{};
        getrlimit(RLIMIT_NOFILE, &before);
        rlimit none_left = before;
        none_left.rlim_cur = static_cast<rlim_t>(::dup(0));  // the lowest free one is the first that is too many
        ::close(static_cast<int>(none_left.rlim_cur));
        setrlimit(RLIMIT_NOFILE, &none_left);
        std::error_code ec;
        EXPECT_FALSE(listener.accept_any(ec));
        EXPECT_EQ(ec, std::errc::too_many_files_open);
        setrlimit(RLIMIT_NOFILE, &before);
        EXPECT_TRUE(listener.accept_any(ec)) << "the connection was lost";
        EXPECT_FALSE(ec);
    });
}

TEST(listener, connections_leave_no_descriptors) {
    in_both_worlds([] {
        weft::tcp_listener listener(loopback());
        long before = open_descriptors();
        for (int i = 0; i < 20; ++i) {
            auto connecting = weft::spawn([&] { return weft::tcp_stream::connect(listener.local()); });
            weft::tcp_stream server = listener.accept();
            weft::tcp_stream client = connecting.join();
            client.write_all(bytes_of("x"));
            EXPECT_EQ(read_text(server), "x");
        }
        EXPECT_EQ(open_descriptors(), before);
    });
}

TEST(listener, gives_close_on_exec_descriptors) {
    in_both_worlds([] {
        auto a_and_b = tcp_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        EXPECT_TRUE(fcntl(a.fd(), F_GETFD) & FD_CLOEXEC);
        EXPECT_TRUE(fcntl(b.fd(), F_GETFD) & FD_CLOEXEC);
    });
}

TEST(stream, urgent_data_cuts_a_read_short_and_holds_nothing_up) {
    in_both_worlds([] {
        weft::tcp_listener listener(loopback());
        weft::tcp_stream far = weft::tcp_stream::connect(listener.local());
        weft::tcp_stream near = listener.accept();
        for (int round = 0; round < 3; ++round) {
            auto reader = weft::spawn([&] {
                std::string text;
                while (text.size() < 4) {
                    text += read_text(near);
                }
                return text;
            });
            let_others_run_on();
            far.write_all(bytes_of("ab"));
            ASSERT_EQ(::send(far.fd(), "!", 1, MSG_OOB), 1);
            far.write_all(bytes_of("cd"));
            EXPECT_EQ(reader.join(), "abcd");
        }
    });
}

}  // namespace
