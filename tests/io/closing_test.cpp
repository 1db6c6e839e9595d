// A descriptor that is closed while somebody waits for it: the wait ends, and the number is free for the next. So on the same
// thread, on another, and on several loops at once.

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <latch>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <weft/file.hpp>
#include <weft/pipe.hpp>
#include <weft/select.hpp>
#include <weft/socket.hpp>
#include <weft/when.hpp>

#include "streams.hpp"
#include "worlds.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;

/// How a read of something that never comes ends.
std::error_code error_of_read(weft::stream& s) {
    std::array<std::byte, 16> buffer;
    std::error_code ec;
    EXPECT_EQ(s.read(buffer, ec), 0U);
    return ec;
}

/// That closing ends a read which `let_it_begin` has let come as far as it says.
template <class F>
void expect_the_end_of_a_read_after(F let_it_begin) {
    with_both_ends([&](weft::stream& a, weft::stream&) {
        auto reader = weft::spawn([&] { return error_of_read(a); });
        let_it_begin();
        a.close();
        EXPECT_EQ(reader.join(), std::errc::operation_canceled);
    });
}

TEST(closing, a_stream_ends_the_read_that_waits_on_it) {
    expect_the_end_of_a_read_after([] { let_others_run_on(); });
}

TEST(closing, a_stream_in_the_turn_in_which_a_read_began_ends_that) {
    expect_the_end_of_a_read_after([] { let_others_run(); });
}

TEST(closing, a_stream_ends_both_directions) {
    with_both_ends([](weft::stream& a, weft::stream&) {
        make_small(a);
        auto reader = weft::spawn([&] { return error_of_read(a); });
        auto writer = weft::spawn([&] {
            std::string large(10'000'000, 'x');
            std::error_code ec;
            EXPECT_LT(a.write_all(bytes_of(large), ec), large.size());
            return ec;
        });
        let_others_run_on();
        a.close();
        EXPECT_EQ(reader.join(), std::errc::operation_canceled);
        EXPECT_EQ(writer.join(), std::errc::operation_canceled);
    });
}

TEST(closing, a_stream_that_somebody_reads_shows_the_peer_the_end_at_once) {
    with_both_ends([](weft::stream& a, weft::stream& b) {
        auto reader = weft::spawn([&] { return error_of_read(a); });
        let_others_run_on();
        a.close();
        char byte;
        EXPECT_EQ(::recv(b.fd(), &byte, 1, MSG_DONTWAIT), 0);
        reader.join();
    });
}

/// The next two descriptors bear the lowest numbers that are free: one of them that of what was closed.
void expect_all_bytes(std::pair<weft::unix_stream, weft::unix_stream> next, int number) {
    EXPECT_TRUE(next.first.fd() == number || next.second.fd() == number);
    bool first = next.first.fd() == number;
    auto reader = weft::spawn([&] { return read_text(first ? next.first : next.second); });
    let_others_run();
    (first ? next.second : next.first).write_all(bytes_of("PASSWORD"));
    EXPECT_EQ(reader.join(), "PASSWORD");
}

TEST(closing, a_stream_leaves_nothing_that_takes_the_bytes_of_the_next_with_its_number) {
    for (bool same_turn : {false, true}) {
        SCOPED_TRACE(same_turn);
        with_both_ends([&](weft::stream& a, weft::stream&) {
            auto reader = weft::spawn([&] { return error_of_read(a); });
            same_turn ? let_others_run() : let_others_run_on();
            int number = a.fd();
            a.close();
            expect_all_bytes(weft::unix_stream_pair(), number);
            EXPECT_EQ(reader.join(), std::errc::operation_canceled);
        });
    }
}

TEST(closing, a_stream_whose_file_is_open_under_another_number_too_ends_its_operations) {
    with_both_ends([](weft::stream& a, weft::stream& b) {
        auto reader = weft::spawn([&] { return error_of_read(a); });
        let_others_run_on();
        weft::descriptor other(::dup(a.fd()));
        int number = a.fd();
        a.close();
        EXPECT_EQ(reader.join(), std::errc::operation_canceled);
        expect_all_bytes(weft::unix_stream_pair(), number);
        b.write_all(bytes_of("x"));
        weft::unix_stream again(std::move(other));
        EXPECT_EQ(read_text(again), "x");
    });
}

TEST(closing, a_listener_ends_the_accept_that_waits_on_it) {
    in_both_worlds([] {
        weft::listener listener(loopback());
        auto accepting = weft::spawn([&] {
            std::error_code ec;
            EXPECT_FALSE(listener.accept_any(ec));
            return ec;
        });
        let_others_run_on();
        listener.close();
        EXPECT_EQ(accepting.join(), std::errc::operation_canceled);
    });
}

TEST(closing, a_descriptor_ends_waits_and_selects) {
    in_both_worlds([] {
        auto pipe = weft::make_pipe();
        weft::pipe_reader in = std::move(pipe.first);
        auto waits = weft::spawn([&] { weft::wait_readable(in.fd()); });
        auto selects = weft::spawn([&] { (void)weft::select(weft::when::readable(in.fd()), weft::when::after(1h)); });
        auto reads = weft::spawn([&] { return read_text(in); });
        let_others_run_on();
        in.close();
        EXPECT_EQ(error_of(waits), std::errc::operation_canceled);
        EXPECT_EQ(error_of(selects), std::errc::operation_canceled);
        EXPECT_EQ(error_of(reads), std::errc::operation_canceled);
    });
}

TEST(closing, a_stream_that_was_handed_over_ends_its_operations) {
    in_both_worlds([] {
        auto ends = weft::unix_stream_pair();
        weft::descriptor d(::dup(ends.first.fd()));
        auto waits = weft::spawn([&] { weft::wait_readable(d.fd()); });
        let_others_run_on();
        int fd = d.release();
        EXPECT_EQ(error_of(waits), std::errc::operation_canceled);
        EXPECT_EQ(::close(fd), 0);
    });
}

TEST(closing, a_file_in_the_turn_in_which_a_write_began_harms_nothing_that_has_its_number_then) {
    in_both_worlds([] {
        std::string name = (std::filesystem::temp_directory_path() / "weft-closing-XXXXXX").string();
        std::string other = name;
        weft::file f(weft::descriptor(::mkstemp(name.data())));
        auto writer = weft::spawn([&] {
            std::error_code ec;
            std::size_t n = f.write_all_at(bytes_of("for the first alone"), 0, false, ec);
            return std::pair(n, ec);
        });
        let_others_run();
        int number = f.fd();
        f.close();
        int next = ::mkstemp(other.data());
        auto [n, ec] = writer.join();
        EXPECT_TRUE((n == 19 && !ec) || (n == 0 && ec == std::errc::operation_canceled)) << n << ' ' << ec.message();
        EXPECT_TRUE(next == number || n == 19);  // else a thread was at it, and has closed it
        EXPECT_EQ(std::filesystem::file_size(other), 0U);
        ::close(next);
        std::filesystem::remove(name);
        std::filesystem::remove(other);
    });
}

// ---- on another thread ----------------------------------------------------------------------------------------------

/// A thread whose loop is in a coroutine's wait.
class waiting_elsewhere {
public:
    explicit waiting_elsewhere(std::function<std::error_code()> wait)
        : thread_([this, wait = std::move(wait)] {
              weft::run([&] {
                  auto waits = weft::spawn([&] { return wait(); });
                  weft::yield();
                  waits_.count_down();
                  error_ = waits.join();
              });
          }) {
        waits_.wait();
    }
    std::error_code end() {
        thread_.join();
        return error_;
    }

private:
    std::latch waits_{1};
    std::error_code error_;
    std::thread thread_;
};

TEST(closing, a_stream_on_another_thread_ends_the_read_that_waits_on_it) {
    for (int i = 0; i < 50; ++i) {  // the read is on its way to the system now and then
        auto [a, b] = weft::unix_stream_pair();
        waiting_elsewhere reader([&a = a] { return error_of_read(a); });
        a.close();
        ASSERT_EQ(reader.end(), std::errc::operation_canceled);
    }
}

TEST(closing, a_stream_on_another_thread_leaves_its_number_to_the_next) {
    (void)weft::loop::current();  // it has descriptors of its own
    for (int i = 0; i < 50; ++i) {
        auto [a, b] = weft::unix_stream_pair();
        waiting_elsewhere reader([&a = a] { return error_of_read(a); });
        int number = a.fd();
        a.close();
        weft::run([&] { expect_all_bytes(weft::unix_stream_pair(), number); });
        ASSERT_EQ(reader.end(), std::errc::operation_canceled);
    }
}

TEST(closing, a_number_on_another_thread_that_one_s_own_loop_uses_again_at_once) {
    std::thread own([&] {
        weft::run([&] {
            auto ends = weft::unix_stream_pair();
            auto reader = weft::spawn([&] { return error_of_read(ends.first); });
            weft::yield();
            int number = ends.first.fd();
            std::thread([&] { ends.first.close(); }).join();
            expect_all_bytes(weft::unix_stream_pair(), number);  // the loop has had no turn meanwhile
            EXPECT_EQ(reader.join(), std::errc::operation_canceled);
        });
    });
    own.join();
}

TEST(closing, a_socket_that_several_loops_wait_for_ends_them_all) {
    weft::listener listener(loopback());
    auto accept = [&] {
        std::error_code ec;
        EXPECT_FALSE(listener.accept_any(ec));
        return ec;
    };
    waiting_elsewhere one(accept);
    waiting_elsewhere two(accept);
    weft::run([&] {
        auto three = weft::spawn(accept);
        let_others_run_on();
        listener.close();
        EXPECT_EQ(three.join(), std::errc::operation_canceled);
    });
    EXPECT_EQ(one.end(), std::errc::operation_canceled);
    EXPECT_EQ(two.end(), std::errc::operation_canceled);
}

TEST(closing, what_a_loop_has_used_that_has_ended_meanwhile_tells_nobody) {
    auto [a, b] = weft::unix_stream_pair();
    std::thread([&a = a, &b = b] {
        weft::run([&] {
            auto reader = weft::spawn([&] { return read_text(a); });
            weft::yield();
            b.write_all(bytes_of("x"));
            EXPECT_EQ(reader.join(), "x");
        });
    }).join();
    a.close();
    char byte;
    EXPECT_EQ(::recv(b.fd(), &byte, 1, MSG_DONTWAIT), 0);
}

// ---- shut down, and nothing to read into ------------------------------------------------------------------------------

TEST(shutting_down, ends_reads_and_writes_that_wait) {
    with_both_ends([](weft::stream& a, weft::stream&) {
        make_small(a);
        auto reader = weft::spawn([&] { return error_of_read(a); });
        auto writer = weft::spawn([&] {
            std::string large(10'000'000, 'x');
            std::error_code ec;
            a.write_all(bytes_of(large), ec);
            return ec;
        });
        let_others_run_on();
        a.shutdown();
        EXPECT_EQ(reader.join(), std::error_code());
        EXPECT_EQ(writer.join(), std::errc::broken_pipe);
    });
}

TEST(reading, into_nothing_returns_at_once) {
    in_both_worlds([] {
        auto unix_ends = weft::unix_stream_pair();
        auto tcp_ends = tcp_pair();
        auto pipe = weft::make_pipe();
        weft::with_limit(1h, [&] {  // they would wait that long
            EXPECT_EQ(unix_ends.first.read({}), 0U);
            EXPECT_EQ(unix_ends.first.read_exact({}), 0U);
            EXPECT_EQ(tcp_ends.first.read({}), 0U);
            EXPECT_EQ(pipe.first.read({}), 0U);
        });
        unix_ends.second.write_all(bytes_of("x"));
        EXPECT_EQ(unix_ends.first.read({}), 0U);
        EXPECT_EQ(read_text(unix_ends.first), "x");
    });
}

}  // namespace
