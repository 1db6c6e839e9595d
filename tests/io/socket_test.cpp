#include <gtest/gtest.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>
#include <weft/socket.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

std::span<std::byte const> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::string read_text(weft::stream& from, std::size_t most = 100) {
    std::vector<std::byte> buffer(most);
    std::size_t n = from.read(buffer);
    return {reinterpret_cast<char const*>(buffer.data()), n};
}

weft::endpoint loopback(std::uint16_t port = 0) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return {reinterpret_cast<sockaddr const*>(&address), sizeof address};
}

/// Sends back all it gets.
void echo(weft::stream& s) {
    std::array<std::byte, 4096> buffer;
    while (std::size_t n = s.read(buffer)) {
        s.write_all(std::span(buffer).first(n));
    }
}

std::pair<weft::tcp_stream, weft::tcp_stream> tcp_pair() {
    weft::tcp_listener listener(loopback());
    auto connecting = weft::spawn([&] { return weft::tcp_stream::connect(listener.local()); });
    weft::tcp_stream accepted = listener.accept();
    return {connecting.join(), std::move(accepted)};
}

long open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

template <class T>
std::error_code error_of(weft::task<T>& t) {
    try {
        t.join();
    } catch (std::system_error const& e) {
        return e.code();
    }
    return {};
}

/// A folder of its own for each test.
class socket_files : public testing::Test {
protected:
    socket_files() {
        std::string name = (std::filesystem::temp_directory_path() / "weft-socket-XXXXXX").string();
        folder_ = mkdtemp(name.data());
    }
    ~socket_files() override { std::filesystem::remove_all(folder_); }
    [[nodiscard]] std::filesystem::path path() const { return folder_ / "socket"; }

    std::filesystem::path folder_;
};

/// Buffers so small that a writer soon has to wait.
void make_small(weft::stream const& s) {
    int size = 4096;
    ASSERT_EQ(setsockopt(s.fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    ASSERT_EQ(setsockopt(s.fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
}

TEST(tcp, echoes_between_coroutines) {
    weft::run([] {
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
    weft::run([] {
        auto a_and_b = tcp_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        EXPECT_EQ(a.local().text(), b.peer().text());
        EXPECT_EQ(a.peer().text(), b.local().text());
    });
}

TEST(tcp, a_reset_by_the_peer_is_an_error) {
    weft::run([] {
        auto a_and_b = tcp_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        auto reader = weft::spawn([&] { return read_text(a); });
        weft::yield();
        linger at_once{1, 0};
        setsockopt(b.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        b.close();
        EXPECT_EQ(error_of(reader), std::errc::connection_reset);
    });
}

TEST(tcp, a_refused_connection_names_the_address) {
    weft::run([] {
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

TEST(tcp, five_hundred_connections_at_once_are_all_served) {
    constexpr int connections = 500;
    int right = 0;
    weft::run([&] {
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
    });
    EXPECT_EQ(right, connections);
}

TEST(tcp, several_coroutines_may_accept_from_one_listener) {
    weft::run([] {
        weft::tcp_listener listener(loopback());
        int accepted = 0;
        weft::scope servers;
        for (int i = 0; i < 5; ++i) {
            servers.spawn([&] {
                weft::tcp_stream s = listener.accept();
                ++accepted;
            });
        }
        weft::yield();
        for (int i = 0; i < 5; ++i) {
            weft::tcp_stream client = weft::tcp_stream::connect(listener.local());
            EXPECT_EQ(read_text(client), "");
        }
        servers.join();
        EXPECT_EQ(accepted, 5);
    });
}

TEST(stream, brings_large_transfers_whole_through_small_buffers) {
    std::vector<std::uint32_t> sent((8 << 20) / sizeof(std::uint32_t));
    std::iota(sent.begin(), sent.end(), 0);
    std::vector<std::uint32_t> received(sent.size());
    weft::run([&] {
        auto a_and_b = weft::unix_stream_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        make_small(a);
        auto writer = weft::spawn([&] { a.write_all(std::as_bytes(std::span(sent))); });
        std::error_code ec;
        EXPECT_EQ(b.read_exact(std::as_writable_bytes(std::span(received)), ec), std::size_t{8 << 20});
        EXPECT_FALSE(ec);
        writer.join();
    });
    EXPECT_TRUE(sent == received);
}

TEST(stream, gathers_what_it_writes_even_when_it_has_to_wait_in_between) {
    std::vector<std::string> pieces;
    std::string all;
    for (int i = 0; i < 3'000; ++i) {
        pieces.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i % 50), '.'));
        all += pieces.back();
    }
    std::string received(all.size(), ' ');
    weft::run([&] {
        auto a_and_b = weft::unix_stream_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        make_small(a);
        auto writer = weft::spawn([&] {
            std::vector<iovec> buffers;
            for (std::string& piece : pieces) {
                buffers.push_back({piece.data(), piece.size()});
            }
            std::error_code ec;
            EXPECT_EQ(a.write_all(buffers, ec), all.size());
            EXPECT_FALSE(ec);
        });
        std::error_code ec;
        b.read_exact(std::as_writable_bytes(std::span(received)), ec);
        writer.join();
    });
    EXPECT_EQ(received, all);
}

TEST(stream, read_gives_what_is_there) {
    weft::run([] {
        auto a_and_b = weft::unix_stream_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        a.write_all(bytes_of("abc"));
        EXPECT_EQ(read_text(b, 2), "ab");
        EXPECT_EQ(read_text(b, 2), "c");
    });
}

TEST(stream, read_waits_for_the_first_byte) {
    weft::run([] {
        auto a_and_b = weft::unix_stream_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        auto reader = weft::spawn([&] { return read_text(b); });
        weft::yield();
        EXPECT_FALSE(reader.done());
        a.write_all(bytes_of("late"));
        EXPECT_EQ(reader.join(), "late");
    });
}

TEST(stream, the_peers_end_reads_as_nothing_again_and_again) {
    weft::run([] {
        auto a_and_b = weft::unix_stream_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        a.write_all(bytes_of("last"));
        a.close();
        EXPECT_EQ(read_text(b), "last");
        EXPECT_EQ(read_text(b), "");
        EXPECT_EQ(read_text(b), "");
    });
}

TEST(stream, read_exact_returns_less_at_the_end_without_an_error) {
    weft::run([] {
        auto a_and_b = weft::unix_stream_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        a.write_all(bytes_of("abc"));
        a.close();
        std::array<std::byte, 10> buffer;
        std::error_code ec = std::make_error_code(std::errc::io_error);
        EXPECT_EQ(b.read_exact(buffer, ec), 3U);
        EXPECT_FALSE(ec);
    });
}

TEST(stream, a_write_after_the_peers_end_is_an_error_and_no_signal) {
    weft::run([] {
        auto a_and_b = weft::unix_stream_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        b.close();
        std::error_code ec;
        EXPECT_EQ(a.write_all(bytes_of("lost"), ec), 0U);
        EXPECT_EQ(ec, std::errc::broken_pipe);
        EXPECT_THROW(a.write_all(bytes_of("lost")), std::system_error);
    });
}

TEST(stream, a_writer_that_waits_learns_that_the_peer_has_gone) {
    weft::run([] {
        auto a_and_b = weft::unix_stream_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        make_small(a);
        auto writer = weft::spawn([&] {
            std::vector<std::byte> data(1 << 20);
            std::error_code ec;
            EXPECT_LT(a.write_all(data, ec), data.size());
            return ec;
        });
        weft::yield();
        b.close();
        std::error_code ec = writer.join();
        EXPECT_TRUE(ec == std::errc::broken_pipe || ec == std::errc::connection_reset) << ec.message();
    });
}

TEST(stream, shutdown_ends_a_read_that_waits) {
    weft::run([] {
        auto a_and_b = weft::unix_stream_pair();
        auto& b = a_and_b.second;
        auto reader = weft::spawn([&] { return read_text(b); });
        weft::yield();
        b.shutdown();
        EXPECT_EQ(reader.join(), "");
    });
}

TEST(stream, a_cancelled_read_takes_no_bytes) {
    weft::run([] {
        auto a_and_b = weft::unix_stream_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        auto reader = weft::spawn([&] {
            auto buffer = std::make_unique<std::array<std::byte, 100>>();  // gone when the read returns
            return b.read(*buffer);
        });
        weft::yield();
        reader.cancel();
        EXPECT_EQ(error_of(reader), std::errc::operation_canceled);
        a.write_all(bytes_of("for the next"));
        EXPECT_EQ(read_text(b), "for the next");
    });
}

TEST(stream, bytes_that_arrive_while_a_read_is_cancelled_are_not_lost) {
    weft::run([] {
        for (int i = 0; i < 200; ++i) {
            auto a_and_b = weft::unix_stream_pair();
            auto& a = a_and_b.first;
            auto& b = a_and_b.second;
            std::string got;
            auto reader = weft::spawn([&] { got = read_text(b); });
            weft::yield();
            a.write_all(bytes_of("x"));
            reader.cancel();
            std::error_code ec = error_of(reader);
            EXPECT_TRUE(ec ? got.empty() : got == "x");
            if (ec) {
                EXPECT_EQ(read_text(b), "x");
            }
        }
    });
}

TEST(stream, a_cancelled_write_says_how_much_has_gone_out) {
    weft::run([] {
        auto a_and_b = weft::unix_stream_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        make_small(a);
        std::size_t written = 0;
        auto writer = weft::spawn([&] {
            auto data = std::make_unique<std::array<std::byte, 1 << 20>>();  // gone when the write returns
            std::error_code ec;
            written = a.write_all(*data, ec);
            EXPECT_EQ(ec, std::errc::operation_canceled);
        });
        weft::yield();
        writer.cancel();
        writer.join();
        a.close();
        std::vector<std::byte> received(1 << 20);
        std::error_code ec;
        EXPECT_EQ(b.read_exact(received, ec), written);
    });
}

TEST(stream, a_read_and_a_write_may_wait_at_once) {
    weft::run([] {
        auto a_and_b = weft::unix_stream_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        make_small(a);
        std::vector<std::byte> large(1 << 20);
        auto writer = weft::spawn([&] { a.write_all(large); });
        auto reader = weft::spawn([&] { return read_text(a); });
        weft::yield();
        b.write_all(bytes_of("answer"));
        EXPECT_EQ(reader.join(), "answer");
        std::error_code ec;
        b.read_exact(large, ec);
        writer.join();
    });
}

TEST(listener, a_cancelled_accept_leaves_no_descriptor_and_takes_no_connection) {
    weft::run([] {
        weft::tcp_listener listener(loopback());
        long before = open_descriptors();
        auto accepting = weft::spawn([&] { return listener.accept(); });
        weft::yield();
        accepting.cancel();
        EXPECT_EQ(error_of(accepting), std::errc::operation_canceled);
        EXPECT_EQ(open_descriptors(), before);
        weft::tcp_stream client = weft::tcp_stream::connect(listener.local());
        EXPECT_TRUE(listener.accept());
    });
}

TEST(listener, a_cancelled_connect_leaves_no_descriptor) {
    weft::run([] {
        weft::listener full(loopback(), 1);
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
    weft::run([] {
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
    weft::run([] {
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
    weft::run([] {
        auto a_and_b = tcp_pair();
        auto& a = a_and_b.first;
        auto& b = a_and_b.second;
        EXPECT_TRUE(fcntl(a.fd(), F_GETFD) & FD_CLOEXEC);
        EXPECT_TRUE(fcntl(b.fd(), F_GETFD) & FD_CLOEXEC);
    });
}

TEST_F(socket_files, a_unix_socket_echoes_between_coroutines) {
    weft::run([&] {
        weft::unix_listener listener(path());
        auto server = weft::spawn([&] {
            weft::unix_stream s = listener.accept();
            echo(s);
        });
        {
            weft::unix_stream client = weft::unix_stream::connect(listener.local());
            client.write_all(bytes_of("hello"));
            EXPECT_EQ(read_text(client), "hello");
        }
        server.join();
    });
}

TEST_F(socket_files, a_unix_socket_echoes_to_a_client_outside_coroutines) {
    weft::unix_listener listener(path());
    auto server = weft::spawn([&] {
        weft::unix_stream s = listener.accept();
        echo(s);
    });
    {
        weft::unix_stream client = weft::unix_stream::connect(weft::endpoint::unix_path(path()));
        client.write_all(bytes_of("hello"));
        EXPECT_EQ(read_text(client), "hello");
    }
    server.join();
}

TEST_F(socket_files, one_that_a_dead_process_left_is_replaced) {
    int left_behind = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    weft::endpoint address = weft::endpoint::unix_path(path());
    ASSERT_EQ(::bind(left_behind, address.data(), address.size()), 0);
    ::close(left_behind);
    ASSERT_TRUE(std::filesystem::is_socket(path()));
    EXPECT_NO_THROW(weft::unix_listener{path()});
}

TEST_F(socket_files, one_that_somebody_listens_on_is_kept) {
    weft::unix_listener first(path());
    try {
        weft::unix_listener second(path());
        FAIL() << "both listen";
    } catch (std::system_error const& e) {
        EXPECT_EQ(e.code(), std::errc::address_in_use);
        EXPECT_NE(std::string(e.what()).find(path().string()), std::string::npos) << e.what();
    }
    EXPECT_TRUE(std::filesystem::is_socket(path()));
}

TEST_F(socket_files, a_file_that_is_no_socket_is_kept) {
    int fd = ::open(path().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ::close(fd);
    EXPECT_THROW(weft::unix_listener{path()}, std::system_error);
    EXPECT_TRUE(std::filesystem::is_regular_file(path()));
}

TEST_F(socket_files, is_removed_when_the_listener_goes) {
    { weft::unix_listener listener(path()); }
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(socket_files, goes_along_with_a_listener_that_is_moved) {
    weft::unix_listener first(path());
    {
        weft::unix_listener second = std::move(first);
        EXPECT_TRUE(std::filesystem::exists(path()));
    }
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(socket_files, is_removed_when_another_listener_is_assigned_over_its_own) {
    weft::unix_listener first(folder_ / "first");
    {
        weft::unix_listener second(folder_ / "second");
        first = std::move(second);
    }
    EXPECT_FALSE(std::filesystem::exists(folder_ / "first"));
    EXPECT_TRUE(std::filesystem::exists(folder_ / "second"));
}

TEST_F(socket_files, a_connect_that_finds_the_queue_full_goes_on_when_there_is_room) {
    weft::run([&] {
        weft::endpoint address = weft::endpoint::unix_path(path());
        weft::listener listener(address, 0);  // one fits in
        weft::unix_stream first = weft::unix_stream::connect(address);
        bool timed_out = false;
        auto second = weft::spawn([&] { return weft::unix_stream::connect(address); });
        auto watch = weft::spawn([&] {
            weft::sleep_for(5s);
            timed_out = true;
            second.cancel();
        });
        weft::yield();
        std::error_code ec;
        auto accepted_first = listener.accept_any(ec);
        EXPECT_EQ(error_of(second), std::error_code());
        EXPECT_FALSE(timed_out) << "connect() never saw that there was room";
    });
}

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

TEST(resolve, knows_localhost) {
    weft::run([] {
        auto found = weft::resolve("localhost", "10809");
        ASSERT_FALSE(found.empty());
        for (weft::endpoint const& e : found) {
            EXPECT_TRUE(e.text() == "127.0.0.1:10809" || e.text() == "[::1]:10809") << e.text();
        }
    });
}

TEST(resolve, works_outside_a_coroutine) {
    auto found = weft::resolve("127.0.0.1", "http");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found.front().text(), "127.0.0.1:80");
}

TEST(resolve, an_empty_host_is_every_address_of_this_one) {
    auto found = weft::resolve("", "10809");
    ASSERT_FALSE(found.empty());
    EXPECT_TRUE(found.front().text() == "0.0.0.0:10809" || found.front().text() == "[::]:10809")
        << found.front().text();
}

TEST(resolve, the_error_for_a_bad_name_names_host_and_service) {
    weft::run([] {
        std::string bad(64, 'x');  // a label of a name has at most 63 characters
        try {
            auto found = weft::resolve(bad + ".invalid", "10809");
            FAIL() << found.front().text();
        } catch (std::system_error const& e) {
            EXPECT_STREQ(e.code().category().name(), "getaddrinfo");
            EXPECT_NE(std::string(e.what()).find(bad + ".invalid:10809"), std::string::npos) << e.what();
        }
    });
}

TEST(resolve, the_error_for_an_unknown_service_names_it) {
    try {
        auto found = weft::resolve("127.0.0.1", "no-such-service");
        FAIL() << found.front().text();
    } catch (std::system_error const& e) {
        EXPECT_NE(std::string(e.what()).find("127.0.0.1:no-such-service"), std::string::npos) << e.what();
    }
}

}  // namespace
