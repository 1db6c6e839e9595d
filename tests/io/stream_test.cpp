#include <gtest/gtest.h>

#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>
#include <weft/shield.hpp>
#include <weft/socket.hpp>
#include <weft/task.hpp>

#include "streams.hpp"

namespace {

using namespace worlds;
using weft::bytes_of;

TEST(stream, brings_large_transfers_whole_through_small_buffers) {
    std::vector<std::uint32_t> sent((8 << 20) / sizeof(std::uint32_t));
    std::iota(sent.begin(), sent.end(), 0);
    std::vector<std::uint32_t> received(sent.size());
    with_both_ends([&](weft::unix_stream& a, weft::unix_stream& b) {
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
    with_both_ends([&](weft::unix_stream& a, weft::unix_stream& b) {
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
    with_both_ends([](weft::unix_stream& a, weft::unix_stream& b) {
        a.write_all(bytes_of("abc"));
        EXPECT_EQ(read_text(b, 2), "ab");
        EXPECT_EQ(read_text(b, 2), "c");
    });
}

TEST(stream, read_waits_for_the_first_byte) {
    with_both_ends([](weft::unix_stream& a, weft::unix_stream& b) {
        auto reader = weft::spawn([&] { return read_text(b); });
        let_others_run();
        EXPECT_FALSE(reader.done());
        a.write_all(bytes_of("late"));
        EXPECT_EQ(reader.join(), "late");
    });
}

TEST(stream, the_peers_end_reads_as_nothing_again_and_again) {
    with_both_ends([](weft::unix_stream& a, weft::unix_stream& b) {
        a.write_all(bytes_of("last"));
        a.close();
        EXPECT_EQ(read_text(b), "last");
        EXPECT_EQ(read_text(b), "");
        EXPECT_EQ(read_text(b), "");
    });
}

TEST(stream, read_exact_returns_less_at_the_end_without_an_error) {
    with_both_ends([](weft::unix_stream& a, weft::unix_stream& b) {
        a.write_all(bytes_of("abc"));
        a.close();
        std::array<std::byte, 10> buffer;
        std::error_code ec = std::make_error_code(std::errc::io_error);
        EXPECT_EQ(b.read_exact(buffer, ec), 3U);
        EXPECT_FALSE(ec);
    });
}

TEST(stream, a_write_after_the_peers_end_is_an_error_and_no_signal) {
    with_both_ends([](weft::unix_stream& a, weft::unix_stream& b) {
        b.close();
        std::error_code ec;
        EXPECT_EQ(a.write_all(bytes_of("lost"), ec), 0U);
        EXPECT_EQ(ec, std::errc::broken_pipe);
        EXPECT_THROW(a.write_all(bytes_of("lost")), std::system_error);
    });
}

TEST(stream, a_writer_that_waits_learns_that_the_peer_has_gone) {
    with_both_ends([](weft::unix_stream& a, weft::unix_stream& b) {
        make_small(a);
        auto writer = weft::spawn([&] {
            std::vector<std::byte> data(1 << 20);
            std::error_code ec;
            EXPECT_LT(a.write_all(data, ec), data.size());
            return ec;
        });
        let_others_run();
        b.close();
        std::error_code ec = writer.join();
        EXPECT_TRUE(ec == std::errc::broken_pipe || ec == std::errc::connection_reset) << ec.message();
    });
}

TEST(stream, shutdown_ends_a_read_that_waits) {
    with_both_ends([](weft::unix_stream&, weft::unix_stream& b) {
        auto reader = weft::spawn([&] { return read_text(b); });
        let_others_run();
        b.shutdown();
        EXPECT_EQ(reader.join(), "");
    });
}

TEST(stream, a_cancelled_read_takes_no_bytes) {
    with_both_ends([](weft::unix_stream& a, weft::unix_stream& b) {
        auto reader = weft::spawn([&] {
            auto buffer = std::make_unique<std::array<std::byte, 100>>();  // gone when the read returns
            return b.read(*buffer);
        });
        let_others_run();
        reader.cancel();
        EXPECT_EQ(error_of(reader), std::errc::operation_canceled);
        a.write_all(bytes_of("for the next"));
        EXPECT_EQ(read_text(b), "for the next");
    });
}

TEST(stream, bytes_that_arrive_while_a_read_is_cancelled_are_not_lost) {
    in_both_worlds([] {
        for (int i = 0; i < 200; ++i) {
            auto a_and_b = weft::unix_stream_pair();
            auto& a = a_and_b.first;
            auto& b = a_and_b.second;
            std::string got;
            auto reader = weft::spawn([&] { got = read_text(b); });
            let_others_run();
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
    with_both_ends([](weft::unix_stream& a, weft::unix_stream& b) {
        make_small(a);
        std::size_t written = 0;
        auto writer = weft::spawn([&] {
            auto data = std::make_unique<std::array<std::byte, 1 << 20>>();  // gone when the write returns
            std::error_code ec;
            written = a.write_all(*data, ec);
            EXPECT_EQ(ec, std::errc::operation_canceled);
        });
        let_others_run();
        writer.cancel();
        writer.join();
        a.close();
        std::vector<std::byte> received(1 << 20);
        std::error_code ec;
        EXPECT_EQ(b.read_exact(received, ec), written);
    });
}

TEST(stream, a_write_that_is_cancelled_on_its_way_says_how_much_has_gone_out) {
    with_both_ends([](weft::unix_stream& a, weft::unix_stream& b) {
        make_small(a);
        std::size_t written = 0;
        auto writer = weft::spawn([&] {
            auto data = std::make_unique<std::array<std::byte, 1 << 20>>();
            std::error_code ec;
            written = a.write_all(*data, ec);
            EXPECT_EQ(ec, std::errc::operation_canceled);
        });
        std::vector<std::byte> received(1 << 20);
        let_others_run();  // it waits for room
        std::size_t taken = 0;
        for (int i = 0; i < 20; ++i) {  // and there is room again and again, and it goes on
            taken += b.read(std::span(received).first(4096));
            let_others_run_on();
        }
        writer.cancel();
        writer.join();
        EXPECT_GT(written, taken);
        a.close();
        std::error_code ec;
        EXPECT_EQ(taken + b.read_exact(received, ec), written);
    });
}

TEST(stream, a_read_and_a_write_may_wait_at_once) {
    with_both_ends([](weft::unix_stream& a, weft::unix_stream& b) {
        make_small(a);
        std::vector<std::byte> large(1 << 20);
        auto writer = weft::spawn([&] { a.write_all(large); });
        auto reader = weft::spawn([&] { return read_text(a); });
        let_others_run();
        b.write_all(bytes_of("answer"));
        EXPECT_EQ(reader.join(), "answer");
        std::error_code ec;
        b.read_exact(large, ec);
        writer.join();
    });
}

TEST(stream, a_large_write_takes_few_turns_of_a_loop_on_io_uring) {
    weft::run([] {
        if (weft::loop::current().reactor_name() != "io_uring") {
            GTEST_SKIP() << "elsewhere each room in the socket takes one";
        }
        auto a_and_b = weft::unix_stream_pair();
        make_small(a_and_b.first);
        std::vector<std::byte> sent(4 << 20);
        std::thread reader([&] {
            std::array<std::byte, 4096> buffer;
            for (std::size_t left = sent.size(); left > 0;) {
                left -= static_cast<std::size_t>(::read(a_and_b.second.fd(), buffer.data(), buffer.size()));
            }
        });
        std::uint64_t before = weft::loop::current().statistics().turns;
        a_and_b.first.write_all(sent);
        EXPECT_LT(weft::loop::current().statistics().turns - before, 50U);
        reader.join();
    });
}

/// A timer, a posted call and another task get their turn beside `busy(stop)`, which goes on until then.
template <class F>
void others_get_their_turn_beside(F busy) {
    weft::run([&] {
        bool stop = false;
        auto task = weft::spawn([&] { busy(stop); });
        weft::yield();
        task.cancel();
        bool posted = false;
        weft::loop::current().post([&] { posted = true; });
        auto other = weft::spawn([] {});
        other.join();
        weft::sleep_for(std::chrono::milliseconds(1));
        EXPECT_TRUE(posted);
        stop = true;
        task.join();
    });
}

TEST(stream, that_is_always_ready_keeps_nobody_from_a_turn) {
    auto [a, b] = weft::unix_stream_pair();
    others_get_their_turn_beside([&a = a, &b = b](bool const& stop) {
        weft::shield guard;
        std::array<std::byte, 1'000> bytes{};
        for (int round = 0; !stop; ++round) {
            ASSERT_LT(round, 10'000'000) << "nobody else had a turn";
            a.write_all(bytes);
            (void)b.read_exact(bytes);
        }
    });
}

TEST(stream, that_is_read_again_and_again_by_a_cancelled_task_keeps_nobody_from_a_turn) {
    auto [a, b] = weft::unix_stream_pair();
    others_get_their_turn_beside([&a = a](bool const& stop) {
        std::array<std::byte, 10> bytes{};
        std::error_code ec;
        for (int tries = 0; !stop; ++tries) {
            ASSERT_LT(tries, 1'000'000) << "nobody else had a turn";
            (void)a.read(bytes, ec);
        }
    });
}

}  // namespace
