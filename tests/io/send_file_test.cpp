#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>
#include <weft/file.hpp>
#include <weft/tcp.hpp>
#include <weft/unix.hpp>

#include "streams.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;

class send_file : public folder {
protected:
    [[nodiscard]] weft::file holding(std::string const& text) const {
        weft::file f = weft::file::open(path(), weft::file::mode::create);
        f.resize(0);
        f.write_all_at(bytes_of(text), 0);
        return f;
    }
};

TEST_F(send_file, sends_a_part_of_a_file) {
    in_both_worlds([&] {
        auto a_and_b = tcp_pair();
        weft::file f = holding("0123456789");
        EXPECT_EQ(a_and_b.first.send_file(f, 2, 5), 5U);
        a_and_b.first.close();
        EXPECT_EQ(weft::read_all(a_and_b.second, 100), "23456");
    });
}

TEST_F(send_file, ends_where_the_file_does) {
    in_both_worlds([&] {
        auto a_and_b = weft::unix_stream_pair();
        weft::file f = holding("0123456789");
        std::error_code ec;
        EXPECT_EQ(a_and_b.first.send_file(f, 7, 100, ec), 3U);
        EXPECT_FALSE(ec) << ec.message();
        EXPECT_EQ(a_and_b.first.send_file(f, 50, 100, ec), 0U);
        EXPECT_FALSE(ec) << ec.message();
        EXPECT_EQ(read_text(a_and_b.second), "789");
    });
}

TEST_F(send_file, waits_for_a_slow_peer_and_loses_nothing) {
    std::string const text = numbers(3 << 20);
    in_both_worlds([&] {
        auto a_and_b = tcp_pair();
        a_and_b.first.set_send_buffer(64 << 10);
        a_and_b.second.set_receive_buffer(64 << 10);
        weft::file f = holding(text);
        auto sender = weft::spawn([&] {
            EXPECT_EQ(a_and_b.first.send_file(f, 0, text.size()), text.size());
            a_and_b.first.shutdown_write();
        });
        let_others_run_on();
        EXPECT_FALSE(sender.done()) << "all fits into the socket's buffers";
        EXPECT_TRUE(weft::read_all(a_and_b.second, 8 << 20) == text);
        sender.join();
    });
}

TEST_F(send_file, reads_what_is_not_in_the_page_cache_elsewhere) {
    std::string const text = numbers(1 << 20);
    in_both_worlds([&] {
        auto a_and_b = weft::unix_stream_pair();
        weft::file f = holding(text);
        f.sync();
        posix_fadvise(f.fd(), 0, 0, POSIX_FADV_DONTNEED);
        auto reader = weft::spawn([&] { return weft::read_all(a_and_b.second, 8 << 20); });
        a_and_b.first.send_file(f, 0, text.size());
        a_and_b.first.close();
        EXPECT_TRUE(reader.join() == text);
    });
}

TEST_F(send_file, leaves_the_sockets_flags_alone_and_a_read_that_waits_undisturbed) {
    in_both_worlds([&] {
        auto a_and_b = tcp_pair();
        weft::file f = holding("file");
        auto reader = weft::spawn([&] { return read_text(a_and_b.first); });
        let_others_run_on();
        int before = fcntl(a_and_b.first.fd(), F_GETFL);
        for (int i = 0; i < 10; ++i) {
            a_and_b.first.send_file(f, 0, 4);
            let_others_run();
        }
        EXPECT_EQ(fcntl(a_and_b.first.fd(), F_GETFL), before);
        EXPECT_FALSE(reader.done());
        a_and_b.second.write_all(bytes_of("answer"));
        EXPECT_EQ(reader.join(), "answer");
    });
}

TEST_F(send_file, to_a_peer_that_has_gone_is_an_error_and_no_signal) {
    in_both_worlds([&] {
        auto a_and_b = weft::unix_stream_pair();
        a_and_b.second.close();
        weft::file f = holding("lost");
        EXPECT_EQ(thrown_by([&] { a_and_b.first.send_file(f, 0, 4); }).code(), std::errc::broken_pipe);
    });
}

TEST_F(send_file, a_deadline_says_how_much_has_gone_out) {
    std::string const text = numbers(8 << 20);
    in_both_worlds([&] {
        auto a_and_b = weft::unix_stream_pair();
        weft::file f = holding(text);
        std::error_code ec;
        std::uint64_t sent = weft::with_limit(1ms, [&] { return a_and_b.first.send_file(f, 0, text.size(), ec); });
        EXPECT_EQ(ec, std::errc::timed_out);
        a_and_b.first.close();
        EXPECT_TRUE(weft::read_all(a_and_b.second, 8 << 20) == text.substr(0, sent));
    });
}

TEST(zero_copy, brings_all_and_returns_when_the_kernel_has_let_go) {
    std::string const text = numbers(4 << 20);
    in_both_worlds([&] {
        auto a_and_b = tcp_pair();
        auto reader = weft::spawn([&] { return weft::read_all(a_and_b.second, 8 << 20); });
        std::string buffer = text;
        EXPECT_EQ(a_and_b.first.option(SOL_SOCKET, SO_ZEROCOPY), 0);
        a_and_b.first.write_all_zero_copy(bytes_of(buffer));
        buffer.assign(buffer.size(), '!');  // what is under way must not become this
        a_and_b.first.write_all(bytes_of("end"));
        a_and_b.first.close();
        EXPECT_TRUE(reader.join() == text + "end");
    });
}

TEST(zero_copy, goes_on_while_the_other_direction_is_read) {
    std::string const text = numbers(1 << 20);
    in_both_worlds([&] {
        auto a_and_b = tcp_pair();
        auto reader = weft::spawn([&] { return read_text(a_and_b.first); });
        auto peer = weft::spawn([&] {
            std::vector<std::byte> buffer(text.size());
            weft::read_exact(a_and_b.second, buffer);
            a_and_b.second.write_all(bytes_of("got it"));
        });
        a_and_b.first.write_all_zero_copy(bytes_of(text));
        EXPECT_EQ(reader.join(), "got it");
        peer.join();
    });
}

TEST(zero_copy, a_deadline_aborts_the_connection_as_what_was_sent_cannot_be_taken_back) {
    in_both_worlds([] {
        auto a_and_b = tcp_pair();
        std::error_code ec;
        std::size_t sent = 0;
        {
            std::vector<std::byte> buffer(32 << 20);  // more than all buffers on the way hold
            sent = weft::with_limit(10ms, [&] { return a_and_b.first.write_all_zero_copy(buffer, ec); });
            EXPECT_LT(sent, buffer.size());
        }
        EXPECT_EQ(ec, std::errc::timed_out);
        std::error_code theirs;
        weft::read_all(a_and_b.second, 64 << 20, theirs);
        EXPECT_EQ(theirs, std::errc::connection_reset);
    });
}

TEST(zero_copy, a_peer_that_resets_the_connection_is_an_error_and_the_buffer_is_free) {
    in_both_worlds([] {
        auto a_and_b = tcp_pair();
        auto writer = weft::spawn([&] {
            std::vector<std::byte> buffer(32 << 20);
            a_and_b.first.write_all_zero_copy(buffer);
        });
        let_others_run_on();
        a_and_b.second.set_linger(0s);
        a_and_b.second.close();
        std::error_code ec = error_of(writer);
        EXPECT_TRUE(ec == std::errc::connection_reset || ec == std::errc::broken_pipe) << ec.message();
    });
}

TEST(zero_copy, a_socket_that_cannot_says_so) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_stream_pair();
        std::error_code ec;
        EXPECT_EQ(a_and_b.first.write_all_zero_copy(bytes_of("x"), ec), 0U);
        EXPECT_EQ(ec, std::errc::operation_not_supported);
    });
}

}  // namespace
