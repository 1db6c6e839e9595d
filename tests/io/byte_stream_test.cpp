#include <gtest/gtest.h>

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <vector>
#include <weft/buffered.hpp>
#include <weft/file.hpp>
#include <weft/pipe.hpp>
#include <weft/unix.hpp>

#include "worlds.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;

class streams_with_files : public folder {};

static_assert(weft::byte_stream<weft::unix_stream> && weft::byte_stream<weft::file_cursor>);
static_assert(weft::byte_source<weft::pipe_reader> && weft::byte_sink<weft::pipe_writer>);
static_assert(weft::byte_source<weft::buffered_reader<weft::unix_stream>>);
static_assert(weft::byte_sink<weft::buffered_writer<weft::unix_stream>>);
static_assert(!weft::byte_source<weft::file>, "a file has no position of its own");

/// A source of somebody else's, that gives a few bytes at a time, and counts how often it was asked.
struct trickle {
    std::string_view text;
    std::size_t at_once = 3;
    int asked = 0;
    std::error_code fails_at_end = {};

    std::size_t read(std::span<std::byte> buffer, std::error_code& ec) {
        ++asked;
        std::size_t n = std::min({at_once, buffer.size(), text.size()});
        std::memcpy(buffer.data(), text.data(), n);
        text.remove_prefix(n);
        ec = n == 0 ? fails_at_end : std::error_code();
        return n;
    }
};

/// A sink of somebody else's.
struct heap {
    std::string text = {};
    int asked = 0;
    std::size_t room = 1'000'000;

    std::size_t write_all(std::span<std::byte const> bytes, std::error_code& ec) {
        ++asked;
        std::size_t n = std::min(bytes.size(), room);
        text.append(reinterpret_cast<char const*>(bytes.data()), n);
        room -= n;
        ec = n < bytes.size() ? std::make_error_code(std::errc::no_space_on_device) : std::error_code();
        return n;
    }
};

TEST(read_exact, puts_what_comes_in_pieces_together) {
    trickle from{"0123456789"};
    std::array<std::byte, 8> buffer;
    EXPECT_EQ(weft::read_exact(from, buffer), 8U);
    EXPECT_EQ(text_of(buffer), "01234567");
    EXPECT_EQ(weft::read_exact(from, buffer), 2U);
}

TEST(read_all, reads_to_the_end_but_not_for_ever) {
    trickle from{"0123456789"};
    EXPECT_EQ(weft::read_all(from, 10), "0123456789");
    trickle more{"0123456789"};
    std::error_code ec;
    EXPECT_EQ(weft::read_all(more, 9, ec), "012345678");
    EXPECT_EQ(ec, std::errc::file_too_large);
}

TEST(read_all, gives_what_came_before_an_error) {
    trickle from{.text = "some", .fails_at_end = std::make_error_code(std::errc::connection_reset)};
    std::error_code ec;
    EXPECT_EQ(weft::read_all(from, 100, ec), "some");
    EXPECT_EQ(ec, std::errc::connection_reset);
}

TEST(copy, copies_until_the_end) {
    trickle from{"0123456789"};
    heap to;
    EXPECT_EQ(weft::copy(from, to), 10U);
    EXPECT_EQ(to.text, "0123456789");
}

TEST(copy, tells_the_errors_of_both_sides) {
    trickle from{.text = "0123456789", .fails_at_end = std::make_error_code(std::errc::connection_reset)};
    heap to;
    std::error_code ec;
    EXPECT_EQ(weft::copy(from, to, ec), 10U);
    EXPECT_EQ(ec, std::errc::connection_reset);
    trickle again{"0123456789"};
    heap full{.room = 4};
    EXPECT_EQ(weft::copy(again, full, ec), 4U);
    EXPECT_EQ(ec, std::errc::no_space_on_device);
}

/// Sockets that take little at a time.
std::pair<weft::unix_stream, weft::unix_stream> narrow_pair() {
    auto ends = weft::unix_stream_pair();
    ends.first.set_send_buffer(4096);
    ends.second.set_send_buffer(4096);
    return ends;
}

TEST(copy, between_sockets_mixes_nothing_up_where_many_have_to_wait) {
    in_both_worlds([] {
        weft::scope all;
        for (char c = 'a'; c < 'k'; ++c) {
            all.spawn([c] {
                auto in = narrow_pair();
                auto out = narrow_pair();
                auto writer = weft::spawn([&] {
                    in.first.write_all(bytes_of(std::string(200'000, c)));
                    in.first.shutdown_write();
                });
                auto copier = weft::spawn([&] {
                    std::uint64_t n = weft::copy(in.second, out.first);
                    out.first.shutdown_write();
                    return n;
                });
                EXPECT_EQ(weft::read_all(out.second, 1 << 20), std::string(200'000, c));
                writer.join();
                EXPECT_EQ(copier.join(), 200'000U);
            });
        }
        all.join();
    });
}

TEST(copy, of_a_socket_to_itself_echoes) {
    in_both_worlds([] {
        auto ends = weft::unix_stream_pair();
        auto echo = weft::spawn([&] { return weft::copy(ends.second, ends.second); });
        for (char const* word : {"one", "two"}) {
            ends.first.write_all(bytes_of(word));
            EXPECT_EQ(read_text(ends.first), word);
        }
        ends.first.shutdown_write();
        EXPECT_EQ(echo.join(), 6U);
    });
}

TEST(copy, between_sockets_tells_who_has_gone) {
    in_both_worlds([] {
        auto in = weft::unix_stream_pair();
        auto out = weft::unix_stream_pair();
        out.second.close();
        in.first.write_all(bytes_of("lost"));
        std::error_code ec;
        EXPECT_EQ(weft::copy(in.second, out.first, ec), 0U);
        EXPECT_EQ(ec, std::errc::broken_pipe);
    });
}

TEST(copy, brings_a_socket_to_a_pipe) {
    in_both_worlds([] {
        auto sockets = weft::unix_stream_pair();
        auto pipe = weft::make_pipe();
        std::string const text(300'000, 'x');
        auto writer = weft::spawn([&] {
            sockets.first.write_all(bytes_of(text));
            sockets.first.close();
        });
        auto copier = weft::spawn([&] {
            weft::copy(sockets.second, pipe.second);
            pipe.second.close();
        });
        EXPECT_EQ(weft::read_all(pipe.first, 1 << 20), text);
        writer.join();
        copier.join();
    });
}

TEST_F(streams_with_files, a_cursor_makes_a_file_a_stream) {
    in_both_worlds([&] {
        weft::file f = weft::file::open(path(), weft::file::mode::create);
        f.resize(0);
        weft::file_cursor to(f);
        to.write_all(bytes_of("one "));
        to.write_all(bytes_of("two"));
        weft::file_cursor from(f, 1);
        EXPECT_EQ(weft::read_all(from, 100), "ne two");
        EXPECT_EQ(from.position(), 7U);
        from.move_to(4);
        EXPECT_EQ(weft::read_all(from, 100), "two");
    });
}

TEST(buffered_reader, asks_the_source_seldom) {
    trickle from{.text = "0123456789", .at_once = 100};
    weft::buffered_reader in(from, 16);
    std::array<std::byte, 1> byte;
    for (char expected : std::string("0123456789")) {
        ASSERT_EQ(in.read(byte), 1U);
        EXPECT_EQ(static_cast<char>(byte[0]), expected);
    }
    EXPECT_EQ(from.asked, 1);
    EXPECT_EQ(in.read(byte), 0U);
}

TEST(buffered_reader, reads_what_is_large_directly_after_what_it_has) {
    trickle from{.text = "0123456789abcdef", .at_once = 6};
    weft::buffered_reader in(from, 8);
    std::array<std::byte, 2> two;
    in.read(two);
    EXPECT_EQ(text_of(in.buffered()), "2345");
    std::array<std::byte, 20> rest;
    EXPECT_EQ(in.read(rest), 4U);
    EXPECT_EQ(in.read(rest), 6U);
    EXPECT_TRUE(in.buffered().empty());
}

TEST(buffered_reader, reads_up_to_a_delimiter_however_it_is_cut) {
    for (std::size_t at_once = 1; at_once < 12; ++at_once) {
        trickle from{.text = "GET /\r\n\r\nbody", .at_once = at_once};
        weft::buffered_reader in(from, 2);
        EXPECT_EQ(in.read_until("\r\n\r\n"), "GET /\r\n\r\n") << at_once;
        EXPECT_EQ(in.read_until("\r\n\r\n"), "body") << "without the delimiter: the end came first";
        EXPECT_EQ(in.read_until("\r\n\r\n"), "");
    }
}

TEST(buffered_reader, gives_up_when_the_delimiter_does_not_come_and_keeps_what_it_read) {
    trickle from{"0123456789\n"};
    weft::buffered_reader in(from, 4);
    std::error_code ec;
    EXPECT_EQ(in.read_until("\n", 8, ec), "");
    EXPECT_EQ(ec, std::errc::message_size);
    EXPECT_EQ(in.read_until("\n", 11, ec), "0123456789\n");
    EXPECT_FALSE(ec);
}

TEST(buffered_reader, goes_on_after_an_error) {
    trickle from{.text = "half ", .fails_at_end = std::make_error_code(std::errc::timed_out)};
    weft::buffered_reader in(from);
    std::error_code ec;
    EXPECT_EQ(in.read_until("\n", 100, ec), "");
    EXPECT_EQ(ec, std::errc::timed_out);
    from.text = "line\n";
    EXPECT_EQ(in.read_until("\n", 100, ec), "half line\n");
}

TEST(buffered_reader, reads_lines_with_either_end_and_the_last_without) {
    trickle from{"unix\ndos\r\n\nlast"};
    weft::buffered_reader in(from);
    std::vector<std::string> lines;
    while (auto line = in.read_line()) {
        lines.emplace_back(*line);
    }
    EXPECT_EQ(lines, (std::vector<std::string>{"unix", "dos", "", "last"}));
}

TEST(buffered_writer, writes_when_it_is_full_and_when_it_is_told) {
    heap to;
    weft::buffered_writer out(to, 8);
    out.write_all(bytes_of("012"));
    out.write_all(bytes_of("34567"));
    EXPECT_EQ(to.asked, 0);
    out.write_all(bytes_of("8"));
    EXPECT_EQ(to.text, "01234567");
    out.flush();
    EXPECT_EQ(to.text, "012345678");
}

TEST(buffered_writer, passes_on_what_is_larger_than_itself_in_order) {
    heap to;
    weft::buffered_writer out(to, 4);
    out.write_all(bytes_of("01"));
    out.write_all(bytes_of("23456789"));
    EXPECT_EQ(to.text, "0123456789");
}

TEST(buffered_writer, keeps_what_could_not_be_written) {
    heap to{.room = 3};
    weft::buffered_writer out(to, 8);
    out.write_all(bytes_of("01234567"));
    std::error_code ec;
    out.flush(ec);
    EXPECT_EQ(ec, std::errc::no_space_on_device);
    to.room = 100;
    out.flush();
    EXPECT_EQ(to.text, "01234567");
}

TEST(buffered, two_ends_talk_by_lines) {
    in_both_worlds([] {
        auto a_and_b = weft::unix_stream_pair();
        auto server = weft::spawn([&] {
            weft::buffered_reader in(a_and_b.second);
            weft::buffered_writer out(a_and_b.second);
            while (auto line = in.read_line()) {
                out.write_all(bytes_of("you said " + std::string(*line) + '\n'));
                out.flush();
            }
        });
        weft::buffered_reader in(a_and_b.first);
        for (std::string word : {"one", "two", "three"}) {
            a_and_b.first.write_all(bytes_of(word + '\n'));
            EXPECT_EQ(in.read_line(), "you said " + word);
        }
        a_and_b.first.close();
        server.join();
    });
}

TEST(pipe, brings_bytes_and_the_end) {
    in_both_worlds([] {
        auto pipe = weft::make_pipe();
        auto reader = weft::spawn([&] { return weft::read_all(pipe.first, 100); });
        let_others_run();
        EXPECT_FALSE(reader.done());
        pipe.second.write_all(bytes_of("hello"));
        pipe.second.close();
        EXPECT_EQ(reader.join(), "hello");
    });
}

TEST(pipe, a_writer_waits_for_a_slow_reader_and_loses_nothing) {
    in_both_worlds([] {
        auto pipe = weft::make_pipe();
        std::string text(1 << 20, ' ');
        for (std::size_t i = 0; i < text.size(); ++i) {
            text[i] = static_cast<char>('a' + i % 23);
        }
        auto writer = weft::spawn([&] {
            pipe.second.write_all(bytes_of(text));
            pipe.second.close();
        });
        let_others_run_on();
        EXPECT_FALSE(writer.done());
        EXPECT_TRUE(weft::read_all(pipe.first, 2 << 20) == text);
        writer.join();
    });
}

TEST(pipe, writing_to_what_nobody_reads_is_an_error_and_no_signal) {
    in_both_worlds([] {
        auto pipe = weft::make_pipe();
        pipe.first.close();
        EXPECT_EQ(thrown_by([&] { pipe.second.write_all(bytes_of("x")); }).code(), std::errc::broken_pipe);
        sigset_t pending;
        sigpending(&pending);
        EXPECT_FALSE(sigismember(&pending, SIGPIPE));
    });
}

TEST(pipe, a_writer_that_waits_learns_that_the_reader_has_gone) {
    in_both_worlds([] {
        auto pipe = weft::make_pipe();
        auto writer = weft::spawn([&] { pipe.second.write_all(std::vector<std::byte>(1 << 20)); });
        let_others_run_on();
        pipe.first.close();
        EXPECT_EQ(error_of(writer), std::errc::broken_pipe);
    });
}

TEST(pipe, leaves_the_descriptors_flags_alone) {
    in_both_worlds([] {
        auto pipe = weft::make_pipe();
        int before = fcntl(pipe.first.fd(), F_GETFL);
        pipe.second.write_all(bytes_of("x"));
        read_text(pipe.first);
        EXPECT_EQ(fcntl(pipe.first.fd(), F_GETFL), before);
        EXPECT_EQ(before & O_NONBLOCK, 0);
    });
}

TEST(pipe, a_terminal_is_read_and_written_like_one) {
    in_both_worlds([] {
        int master;
        int terminal;
        ASSERT_EQ(openpty(&master, &terminal, nullptr, nullptr, nullptr), 0);
        weft::pipe_reader keyboard{weft::descriptor(terminal)};
        weft::pipe_writer fingers{weft::descriptor(master)};
        auto reader = weft::spawn([&] { return read_text(keyboard); });
        let_others_run_on();
        EXPECT_FALSE(reader.done());
        fingers.write_all(bytes_of("typed\n"));
        EXPECT_EQ(reader.join(), "typed\n");
    });
}

TEST_F(streams_with_files, a_file_that_stands_for_a_standard_stream_is_read_and_written_like_a_pipe) {
    in_both_worlds([&] {
        std::string const text(200'000, 'f');
        weft::pipe_writer to(weft::descriptor(::open(path().c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600)));
        to.write_all(bytes_of(text));
        weft::pipe_reader from(weft::descriptor(::open(path().c_str(), O_RDONLY | O_CLOEXEC)));
        EXPECT_TRUE(weft::read_all(from, 1 << 20) == text);
    });
}

TEST_F(streams_with_files, waiting_for_a_file_to_be_ready_returns_at_once) {
    in_both_worlds([&] {
        weft::file f = weft::file::open(path(), weft::file::mode::create);
        weft::wait_readable(f.fd());
        weft::wait_writable(f.fd());
    });
}

}  // namespace
