#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <set>
#include <system_error>
#include <vector>
#include <weft/task.hpp>

#include "nbd/input.hpp"
#include "nbd/outbox.hpp"

namespace {

/// Buffers so small that a writer soon has to wait.
void make_small(weft::stream const& s) {
    int size = 4096;
    ASSERT_EQ(setsockopt(s.fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

/// The head of a simple reply.
nbd::reply_head head_of(std::uint64_t cookie) {
    return nbd::done(nbd::form::simple,
                     {.flags = 0, .type = nbd::command::flush, .cookie = cookie, .offset = 0, .length = 0});
}

/// The cookie of a simple reply's head.
std::uint64_t cookie_of(std::span<std::byte const, 16> head) {
    std::uint64_t cookie = 0;
    for (std::byte b : head.last<8>()) {
        cookie = (cookie << 8) | std::to_integer<std::uint64_t>(b);
    }
    return cookie;
}

TEST(outbox, sends_a_head_and_its_data) {
    weft::run([] {
        auto ours_and_theirs = weft::unix_stream_pair();
        auto& ours = ours_and_theirs.first;
        auto& theirs = ours_and_theirs.second;
        nbd::outbox out(ours);
        std::array<std::byte, 3> data{std::byte{1}, std::byte{2}, std::byte{3}};
        out.send(head_of(9), data);
        std::array<std::byte, 19> received;
        std::error_code ec;
        ASSERT_EQ(theirs.read_exact(received, ec), received.size());
        EXPECT_EQ(cookie_of(std::span(received).first<16>()), 9U);
        EXPECT_TRUE(std::equal(data.begin(), data.end(), received.begin() + 16));
        EXPECT_FALSE(out.failure());
    });
}

TEST(outbox, replies_of_fifty_coroutines_arrive_whole_and_unmixed) {
    constexpr std::size_t data_size = 10'000;
    std::set<std::uint64_t> seen;
    bool unmixed = true;
    weft::run([&] {
        auto ours_and_theirs = weft::unix_stream_pair();
        auto& ours = ours_and_theirs.first;
        auto& theirs = ours_and_theirs.second;
        make_small(ours);
        nbd::outbox out(ours);
        weft::scope senders;
        for (std::uint64_t cookie = 0; cookie < 50; ++cookie) {
            senders.spawn([&, cookie] {
                for (std::uint64_t turn = cookie; turn % 3 != 0; ++turn) {
                    weft::yield();
                }
                std::vector<std::byte> data(data_size, static_cast<std::byte>(cookie));
                out.send(head_of(cookie), data);
                std::fill(data.begin(), data.end(), std::byte{0xff});  // ours again
            });
        }
        for (int i = 0; i < 50; ++i) {
            std::array<std::byte, 16> head;
            std::vector<std::byte> data(data_size);
            std::error_code ec;
            ASSERT_EQ(theirs.read_exact(head, ec), head.size());
            ASSERT_EQ(theirs.read_exact(data, ec), data.size());
            std::uint64_t cookie = cookie_of(head);
            seen.insert(cookie);
            unmixed = unmixed && std::all_of(data.begin(), data.end(),
                                             [&](std::byte b) { return b == static_cast<std::byte>(cookie); });
        }
        senders.join();
    });
    EXPECT_EQ(seen.size(), 50U);
    EXPECT_TRUE(unmixed);
}

TEST(outbox, all_senders_return_when_the_connection_has_failed) {
    weft::run([] {
        auto ours_and_theirs = weft::unix_stream_pair();
        auto& ours = ours_and_theirs.first;
        auto& theirs = ours_and_theirs.second;
        make_small(ours);
        nbd::outbox out(ours);
        int returned = 0;
        weft::scope senders;
        for (std::uint64_t cookie = 0; cookie < 10; ++cookie) {
            senders.spawn([&, cookie] {
                std::vector<std::byte> data(100'000);
                out.send(head_of(cookie), data);
                ++returned;
            });
        }
        weft::yield();
        weft::yield();
        theirs.close();
        senders.join();
        EXPECT_EQ(returned, 10);
        EXPECT_TRUE(out.failure());
    });
}

TEST(outbox, a_cancelled_sender_does_not_return_while_its_bytes_are_still_needed) {
    weft::run([] {
        auto ours_and_theirs = weft::unix_stream_pair();
        auto& ours = ours_and_theirs.first;
        auto& theirs = ours_and_theirs.second;
        make_small(ours);
        nbd::outbox out(ours);
        auto sender = [&](std::uint64_t cookie, std::size_t size) {
            return weft::spawn([&out, cookie, size] {
                auto head = std::make_unique<nbd::reply_head>(head_of(cookie));
                std::vector<std::byte> data(size);
                out.send(*head, data);
            });
        };
        auto first = sender(1, 100'000);  // writes, and has to wait
        auto second = sender(2, 10);      // waits for the first
        weft::yield();
        weft::yield();
        second.cancel();
        weft::yield();
        std::vector<std::byte> received(16 + 100'000 + 16 + 10);
        std::error_code ec;
        ASSERT_EQ(theirs.read_exact(received, ec), received.size());
        EXPECT_EQ(cookie_of(std::span(received).subspan(16 + 100'000).first<16>()), 2U);
        first.join();
        try {
            second.join();
        } catch (std::system_error const&) {
            // Whether it learns of the cancel is all the same.
        }
    });
}

TEST(input, brings_messages_across_the_borders_of_its_buffer) {
    constexpr std::size_t count = 20'000;
    std::vector<std::uint32_t> sent(count * 7);
    for (std::uint32_t i = 0; i < sent.size(); ++i) {
        sent[i] = i;
    }
    std::vector<std::uint32_t> received;
    weft::run([&] {
        auto ours_and_theirs = weft::unix_stream_pair();
        auto& ours = ours_and_theirs.first;
        auto& theirs = ours_and_theirs.second;
        auto writer = weft::spawn([&] { theirs.write_all(std::as_bytes(std::span(sent))); });
        nbd::input in(ours);
        for (std::size_t i = 0; i < count; ++i) {
            std::array<std::uint32_t, 7> message;
            in.read(std::as_writable_bytes(std::span(message)));
            received.insert(received.end(), message.begin(), message.end());
        }
        writer.join();
    });
    EXPECT_TRUE(received == sent);
}

TEST(input, brings_large_pieces_that_begin_in_its_buffer) {
    std::vector<std::uint32_t> sent(100'000);
    for (std::uint32_t i = 0; i < sent.size(); ++i) {
        sent[i] = i;
    }
    weft::run([&] {
        auto ours_and_theirs = weft::unix_stream_pair();
        auto& ours = ours_and_theirs.first;
        auto& theirs = ours_and_theirs.second;
        auto writer = weft::spawn([&] { theirs.write_all(std::as_bytes(std::span(sent))); });
        nbd::input in(ours);
        std::vector<std::uint32_t> received(sent.size());
        auto all = std::as_writable_bytes(std::span(received));
        in.read(all.first(28));
        in.read(all.subspan(28));
        EXPECT_TRUE(received == sent);
        writer.join();
    });
}

TEST(input, skips_what_is_not_wanted) {
    weft::run([] {
        auto ours_and_theirs = weft::unix_stream_pair();
        auto& ours = ours_and_theirs.first;
        auto& theirs = ours_and_theirs.second;
        auto writer = weft::spawn([&] {
            std::vector<std::byte> unwanted(200'001);
            theirs.write_all(unwanted);
            theirs.write_all(std::array{std::byte{7}});
        });
        nbd::input in(ours);
        in.skip(200'001);
        EXPECT_EQ(in.read<1>()[0], std::byte{7});
        writer.join();
    });
}

/// Reads `wanted` bytes after the peer sent `sent` and closed: whether the end came in the middle.
template <class Read>
bool ends_in_the_middle(std::size_t sent, Read read) {
    return weft::run([&] {
        auto ours_and_theirs = weft::unix_stream_pair();
        auto& ours = ours_and_theirs.first;
        auto& theirs = ours_and_theirs.second;
        theirs.write_all(std::vector<std::byte>(sent));
        theirs.close();
        nbd::input in(ours);
        try {
            read(in);
        } catch (nbd::end_of_input const& e) {
            return e.in_the_middle;
        }
        ADD_FAILURE() << "there was no end";
        return false;
    });
}

TEST(input, an_end_between_messages_is_not_in_the_middle) {
    EXPECT_FALSE(ends_in_the_middle(0, [](nbd::input& in) { (void)in.read<28>(); }));
    EXPECT_FALSE(ends_in_the_middle(28, [](nbd::input& in) {
        (void)in.read<28>();
        (void)in.read<28>();
    }));
}

TEST(input, an_end_within_a_message_is_in_the_middle) {
    EXPECT_TRUE(ends_in_the_middle(27, [](nbd::input& in) { (void)in.read<28>(); }));
}

TEST(input, an_end_within_a_large_message_is_in_the_middle) {
    EXPECT_TRUE(ends_in_the_middle(100'000, [](nbd::input& in) {
        std::vector<std::byte> large(100'001);
        in.read(large);
    }));
}

TEST(input, an_end_within_what_is_skipped_is_in_the_middle) {
    EXPECT_TRUE(ends_in_the_middle(4096, [](nbd::input& in) { in.skip(8192); }));
}

/// A file of the test's own, with `size` bytes that differ from their neighbours.
class made_file {
public:
    explicit made_file(std::size_t size) {
        char name[] = "/tmp/weft-outbox-XXXXXX";
        file = weft::file(weft::descriptor(mkstemp(name)));
        unlink(name);
        for (std::size_t i = 0; i < size; ++i) {
            content.push_back(static_cast<std::byte>(i * 7 + i / 256));
        }
        file.write_all_at(content, 0);
    }

    weft::file file;
    std::vector<std::byte> content;
};

TEST(outbox, sends_parts_of_files_between_replies_in_their_order) {
    weft::run([] {
        auto ours_and_theirs = weft::unix_stream_pair();
        auto& ours = ours_and_theirs.first;
        auto& theirs = ours_and_theirs.second;
        make_small(ours);
        made_file from(300'000);
        nbd::outbox out(ours);
        weft::scope senders;
        for (std::uint64_t cookie = 0; cookie < 20; ++cookie) {
            senders.spawn([&, cookie] {
                if (cookie % 2 == 0) {
                    out.send_file(head_of(cookie), from.file, cookie, 100'000);
                } else {
                    out.send(head_of(cookie), std::span(from.content).subspan(cookie, 100'000));
                }
            });
        }
        std::set<std::uint64_t> seen;
        for (int i = 0; i < 20; ++i) {
            std::array<std::byte, 16> head;
            std::vector<std::byte> data(100'000);
            std::error_code ec;
            ASSERT_EQ(theirs.read_exact(head, ec), head.size());
            ASSERT_EQ(theirs.read_exact(data, ec), data.size());
            std::uint64_t cookie = cookie_of(head);
            seen.insert(cookie);
            EXPECT_TRUE(
                std::equal(data.begin(), data.end(), from.content.begin() + static_cast<std::ptrdiff_t>(cookie)))
                << cookie;
        }
        senders.join();
        EXPECT_EQ(seen.size(), 20U);
        EXPECT_FALSE(out.failure());
    });
}

TEST(outbox, a_file_that_has_become_shorter_ends_the_connection) {
    weft::run([] {
        auto ours_and_theirs = weft::unix_stream_pair();
        auto& ours = ours_and_theirs.first;
        auto& theirs = ours_and_theirs.second;
        made_file from(10'000);
        nbd::outbox out(ours);
        out.send_file(head_of(1), from.file, 0, 20'000);
        EXPECT_EQ(out.failure(), std::errc::io_error);
        std::vector<std::byte> data(16 + 20'000);
        std::error_code ec;
        EXPECT_EQ(theirs.read_exact(data, ec), 16U + 10'000U);  // and then the end
        out.send(head_of(2));                                   // returns
    });
}

}  // namespace
