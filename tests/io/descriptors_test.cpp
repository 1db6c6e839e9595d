#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>
#include <weft/pipe.hpp>
#include <weft/unix.hpp>

#include "worlds.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;

template <class Socket>
std::vector<weft::descriptor> receive(Socket& from, std::string_view expected) {
    std::array<std::byte, 100> buffer;
    std::vector<weft::descriptor> got;
    std::size_t n = from.receive_descriptors(buffer, got);
    EXPECT_EQ(text_of(std::span(buffer).first(n)), expected);
    return got;
}

TEST(passing_descriptors, the_peer_gets_a_duplicate_that_is_close_on_exec) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_stream_pair();
        auto pipe = weft::make_pipe();
        int writing = pipe.second.fd();
        a_and_b.first.send_descriptors(bytes_of("here"), std::span(&writing, 1));
        std::vector<weft::descriptor> got = receive(a_and_b.second, "here");
        ASSERT_EQ(got.size(), 1U);
        EXPECT_NE(got[0].fd(), writing);
        EXPECT_TRUE(fcntl(got[0].fd(), F_GETFD) & FD_CLOEXEC);
        weft::pipe_writer theirs(std::move(got[0]));
        theirs.write_all(bytes_of("through it"));
        EXPECT_EQ(read_text(pipe.first), "through it");
    });
}

TEST(passing_descriptors, waits_for_them) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_stream_pair();
        auto receiver = weft::spawn([&] { return receive(a_and_b.second, "x").size(); });
        let_others_run();
        EXPECT_FALSE(receiver.done());
        std::array<int, 2> two{0, 1};
        a_and_b.first.send_descriptors(bytes_of("x"), two);
        EXPECT_EQ(receiver.join(), 2U);
    });
}

TEST(passing_descriptors, goes_with_messages_too) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_datagram_pair();
        int fd = 0;
        a_and_b.first.send_descriptors(bytes_of("one"), std::span(&fd, 1));
        a_and_b.first.send_descriptors(bytes_of("none"), {});
        EXPECT_EQ(receive(a_and_b.second, "one").size(), 1U);
        EXPECT_EQ(receive(a_and_b.second, "none").size(), 0U);
    });
}

TEST(passing_descriptors, brings_all_bytes_through_small_buffers_and_the_descriptor_once) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_stream_pair();
        a_and_b.first.set_send_buffer(4096);
        std::string large(200'000, 'x');
        auto sender = weft::spawn([&] {
            int fd = 0;
            a_and_b.first.send_descriptors(bytes_of(large), std::span(&fd, 1));
            a_and_b.first.close();
        });
        std::vector<std::byte> buffer(10'000);
        std::vector<weft::descriptor> got;
        std::size_t bytes = 0;
        while (std::size_t n = a_and_b.second.receive_descriptors(buffer, got)) {
            bytes += n;
        }
        sender.join();
        EXPECT_EQ(bytes, large.size());
        EXPECT_EQ(got.size(), 1U);
    });
}

TEST(passing_descriptors, as_many_as_the_system_allows_and_no_more) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_stream_pair();
        std::vector<int> many(weft::unix_stream::most_descriptors, 0);
        a_and_b.first.send_descriptors(bytes_of("x"), many);
        EXPECT_EQ(receive(a_and_b.second, "x").size(), many.size());
        many.push_back(0);
        std::error_code ec;
        a_and_b.first.send_descriptors(bytes_of("x"), many, ec);
        EXPECT_EQ(ec, std::errc::invalid_argument);
    });
}

TEST(passing_descriptors, needs_a_byte) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_stream_pair();
        int fd = 0;
        EXPECT_EQ(thrown_by([&] { a_and_b.first.send_descriptors({}, std::span(&fd, 1)); }).code(),
                  std::errc::invalid_argument);
    });
}

TEST(passing_descriptors, leaves_none_open_that_nobody_took) {
    in_both_worlds([] {
        long before = open_descriptors();
        {
            auto a_and_b = weft::unix_stream_pair();
            int fd = 0;
            a_and_b.first.send_descriptors(bytes_of("x"), std::span(&fd, 1));
            EXPECT_EQ(read_text(a_and_b.second), "x");  // a plain read drops them
            EXPECT_EQ(open_descriptors(), before + 2);
        }
        EXPECT_EQ(open_descriptors(), before);
    });
}

TEST(passing_descriptors, that_the_process_has_no_room_for_is_an_error_and_the_bytes_are_not_lost) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_stream_pair();
        int fd = 0;
        a_and_b.first.send_descriptors(bytes_of("kept"), std::span(&fd, 1));
        rlimit before{};
        getrlimit(RLIMIT_NOFILE, &before);
        rlimit none_left = before;
        none_left.rlim_cur = static_cast<rlim_t>(::dup(0));
        ::close(static_cast<int>(none_left.rlim_cur));
        setrlimit(RLIMIT_NOFILE, &none_left);
        std::array<std::byte, 10> buffer;
        std::vector<weft::descriptor> got;
        std::error_code ec;
        std::size_t n = a_and_b.second.receive_descriptors(buffer, got, ec);
        setrlimit(RLIMIT_NOFILE, &before);
        EXPECT_EQ(ec, std::errc::too_many_files_open);
        EXPECT_EQ(text_of(std::span(buffer).first(n)), "kept");
        EXPECT_TRUE(got.empty());
    });
}

TEST(unix_stream, knows_who_is_at_the_other_end) {
    auto a_and_b = weft::unix_stream_pair();
    weft::peer_credentials who = a_and_b.first.credentials();
    EXPECT_EQ(who.process, getpid());
    EXPECT_EQ(who.user, getuid());
    EXPECT_EQ(who.group, getgid());
}

}  // namespace
