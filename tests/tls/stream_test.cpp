#include <gmock/gmock.h>

#include <openssl/ssl.h>

#include <optional>
#include <string>
#include <weft/buffered.hpp>
#include <weft/tls.hpp>

#include "../io/guarded_buffer.hpp"
#include "connections.hpp"

namespace {

using namespace std::chrono_literals;
using namespace connections;
using namespace worlds;
using testing::HasSubstr;
using weft::bytes_of;
using weft::tls_errc;
using weft::tls_stream;
using weft::tls_version;

static_assert(weft::byte_stream<tls_stream>);

class tls_streams : public tls {
protected:
    /// TLS over the first of each: the others are the test's to look at what is on the wire, and to change it.
    struct tapped {
        pair ends;
        weft::unix_stream beside_client;
        weft::unix_stream beside_server;
    };

    /// The handshake goes through; from then on the test brings the bytes across.
    tapped tap() {
        auto left = weft::unix_stream_pair();
        auto right = weft::unix_stream_pair();
        tapped made;
        std::error_code ignored;
        auto there = weft::spawn([&] { weft::copy(left.second, right.second, ignored); });
        auto back = weft::spawn([&] { weft::copy(right.second, left.second, ignored); });
        handshake({std::move(left.first), std::move(right.first)}, client, server, "example.org", &made.ends);
        made.ends.server.write_all(bytes_of("ready"));  // the tickets, which go before it, are across as well
        EXPECT_EQ(read_text(made.ends.client), "ready");
        there.cancel();
        back.cancel();
        there.join();
        back.join();
        made.beside_client = std::move(left.second);
        made.beside_server = std::move(right.second);
        return made;
    }
};

std::string long_text(std::size_t size) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>('a' + i * i % 26);
    }
    return text;
}

/// Writes all and announces the end.
void say(tls_stream& to, std::string const& text) {
    to.write_all(bytes_of(text));
    to.shutdown_write();
}

TEST_F(tls_streams, carry_a_mebibyte_both_ways_at_once) {
    std::string const there = long_text(1 << 20);
    std::string const back(there.rbegin(), there.rend());
    for (tls_version version : {tls_version::tls1_2, tls_version::tls1_3}) {
        client.set_versions(version, version);
        in_both_worlds([&] {
            pair p = connect(client, server);
            auto one = weft::spawn([&] { say(p.client, there); });
            auto other = weft::spawn([&] { say(p.server, back); });
            auto reading = weft::spawn([&] { return weft::read_all(p.client, 2 << 20); });
            EXPECT_TRUE(weft::read_all(p.server, 2 << 20) == there);
            EXPECT_TRUE(reading.join() == back);
            one.join();
            other.join();
        });
    }
}

TEST_F(tls_streams, change_their_keys_in_the_middle_of_it_all) {
    std::string const text = long_text(1 << 20);
    weft::run([&] {
        pair p = connect(client, server);
        auto echo = [&](tls_stream& s) {
            for (std::size_t at = 0; at < text.size(); at += 64 << 10) {
                SSL_key_update(s.native(), SSL_KEY_UPDATE_REQUESTED);  // the peer's reader has to answer
                s.write_all(bytes_of(std::string_view(text).substr(at, 64 << 10)));
            }
            s.shutdown_write();
        };
        auto one = weft::spawn([&] { echo(p.client); });
        auto other = weft::spawn([&] { echo(p.server); });
        auto reading = weft::spawn([&] { return weft::read_all(p.client, 2 << 20); });
        EXPECT_TRUE(weft::read_all(p.server, 2 << 20) == text);
        EXPECT_TRUE(reading.join() == text);
        one.join();
        other.join();
    });
}

TEST_F(tls_streams, go_behind_buffers_and_through_copy) {
    in_both_worlds([&] {
        pair p = connect(client, server);
        auto echo = weft::spawn([&] {
            weft::copy(p.server, p.server);
            p.server.shutdown_write();
        });
        weft::buffered_writer out(p.client);
        weft::buffered_reader in(p.client);
        out.write_all(bytes_of("one\ntwo\n"));
        out.flush();
        EXPECT_EQ(in.read_line(), "one");
        EXPECT_EQ(in.read_line(), "two");
        p.client.shutdown_write();
        EXPECT_EQ(in.read_line(), std::nullopt);
        echo.join();
    });
}

// ---- ends -----------------------------------------------------------------------------------------------------------

TEST_F(tls_streams, end_one_side_at_a_time) {
    in_both_worlds([&] {
        pair p = connect(client, server);
        say(p.client, "question");
        EXPECT_EQ(weft::read_all(p.server, 100), "question");
        std::array<std::byte, 10> buffer;
        EXPECT_EQ(p.server.read(buffer), 0U) << "it stays the end";
        say(p.server, "answer");
        EXPECT_EQ(weft::read_all(p.client, 100), "answer");
        EXPECT_EQ(thrown_by([&] { p.client.write_all(bytes_of("more")); }).code(), std::errc::broken_pipe);
    });
}

TEST_F(tls_streams, that_were_cut_off_did_not_end) {
    in_both_worlds([&] {
        for (bool in_the_middle_of_a_record : {false, true}) {
            tapped t = tap();
            t.ends.client.write_all(bytes_of("word"));
            std::array<std::byte, 100> record;
            std::size_t n = t.beside_client.read(record);
            t.beside_server.write_all(std::span(record).first(n - (in_the_middle_of_a_record ? 1 : 0)));
            t.beside_server.close();
            std::error_code ec;
            EXPECT_EQ(weft::read_all(t.ends.server, 100, ec), in_the_middle_of_a_record ? "" : "word");
            EXPECT_EQ(ec, tls_errc::truncated);
            EXPECT_EQ(t.ends.server.read(record, ec), 0U);
            EXPECT_EQ(ec, tls_errc::truncated) << "it stays so";
        }
    });
}

TEST_F(tls_streams, that_go_without_a_word_are_cut_off) {
    weft::run([&] {
        pair p = connect(client, server);
        p.server.write_all(bytes_of("word"));
        EXPECT_EQ(read_text(p.client), "word");  // with something unread, the close would be a reset
        p.client.close();
        EXPECT_EQ(thrown_by([&] { read_text(p.server); }).code(), tls_errc::truncated);
        EXPECT_FALSE(p.client);
    });
}

TEST_F(tls_streams, end_for_those_who_wait_when_they_are_shut_down) {
    in_both_worlds([&] {
        pair p = connect(client, server);
        auto reading = weft::spawn([&] { read_text(p.client); });
        let_others_run();
        p.client.shutdown();
        EXPECT_EQ(error_of(reading), tls_errc::truncated);
        EXPECT_EQ(weft::read_all(p.server, 100), "") << "the peer was told";
    });
}

TEST_F(tls_streams, notice_a_byte_that_was_changed) {
    in_both_worlds([&] {
        tapped t = tap();
        t.ends.client.write_all(bytes_of("pay 100 to A"));
        std::array<std::byte, 100> record;
        std::size_t n = t.beside_client.read(record);
        record[10] ^= std::byte{1};
        t.beside_server.write_all(std::span(record).first(n));
        auto e = thrown_by([&] { read_text(t.ends.server); });
        EXPECT_THAT(e.what(), HasSubstr("bad record mac"));
        EXPECT_EQ(thrown_by([&] { read_text(t.ends.server); }).code(), e.code()) << "it stays so";
        EXPECT_EQ(thrown_by([&] { t.ends.server.write_all(bytes_of("word")); }).code(), e.code());
        n = t.beside_server.read(record);
        t.beside_client.write_all(std::span(record).first(n));
        EXPECT_THAT(thrown_by([&] { read_text(t.ends.client); }).what(), HasSubstr("alert bad record mac"));
    });
}

TEST_F(tls_streams, tell_a_writer_that_nobody_is_there) {
    in_both_worlds([&] {
        pair p = connect(client, server);
        p.client.close();
        EXPECT_EQ(thrown_by([&] { p.server.write_all(bytes_of("word")); }).code(), std::errc::broken_pipe);
    });
}

// ---- waits that are ended -------------------------------------------------------------------------------------------

TEST_F(tls_streams, lose_nothing_when_a_read_is_ended_in_the_middle_of_a_record) {
    weft::run([&] {
        tapped t = tap();
        t.ends.client.write_all(bytes_of("word"));
        std::array<std::byte, 100> record;
        std::size_t n = t.beside_client.read(record);
        guarded_buffer buffer;
        std::string got;
        for (std::size_t i = 0; i < n; ++i) {
            t.beside_server.write_all(std::span(record).subspan(i, 1));
            auto reading = weft::spawn([&] {
                std::error_code ec;
                got += buffer.seal(t.ends.server.read(buffer.open(), ec));
                EXPECT_TRUE(i + 1 == n ? !ec : ec == std::errc::operation_canceled) << i << ec.message();
            });
            let_others_run_on();
            reading.cancel();
            reading.join();
            buffer.expect_untouched();
        }
        EXPECT_EQ(got, "word");
    });
}

TEST_F(tls_streams, go_on_after_writes_that_were_ended) {
    std::string const text = long_text(3 << 20);
    weft::run([&] {
        pair p = connect(client, server);
        std::size_t written = 0;
        int ended = 0;
        auto writing = weft::spawn([&] {
            while (written < text.size()) {
                std::error_code ec;
                weft::with_limit(100us, [&] {
                    written += p.client.write_all(bytes_of(std::string_view(text).substr(written)), ec);
                });
                ended += ec == std::errc::timed_out ? 1 : 0;
            }
            p.client.shutdown_write();
        });
        std::string got;
        std::error_code ec;
        for (std::vector<std::byte> buffer(200'000);;) {
            int before = ended;
            while (ended == before && written < text.size()) {  // it reads on when a write was ended
                let_others_run_on(1);
            }
            std::size_t n = p.server.read(buffer);
            if (n == 0) {
                break;
            }
            got += text_of(std::span(buffer).first(n));
        }
        writing.join();
        EXPECT_TRUE(got == text);
        EXPECT_GT(ended, 10);
    });
}

TEST_F(tls_streams, begin_nothing_when_the_end_of_a_wait_has_come_before) {
    weft::run([&] {
        pair p = connect(client, server);
        p.client.write_all(bytes_of("word"));
        std::array<std::byte, 10> buffer;
        std::error_code read;
        std::error_code written;
        std::error_code shut_down;
        weft::with_limit(0s, [&] {
            p.server.read(buffer, read);
            EXPECT_EQ(p.server.write_all(bytes_of("word"), written), 0U);
            p.server.shutdown_write(shut_down);
        });
        EXPECT_EQ(read, std::errc::timed_out);
        EXPECT_EQ(written, std::errc::timed_out);
        EXPECT_EQ(shut_down, std::errc::timed_out);
        EXPECT_EQ(read_text(p.server), "word");
        p.server.write_all(bytes_of("answer"));
        EXPECT_EQ(read_text(p.client), "answer");
    });
}

TEST_F(tls_streams, let_a_reader_read_while_its_answers_find_no_room) {
    weft::run([&] {
        tapped t = tap();
        // Nobody takes what the server sends: it fills the socket, and with it a write waits.
        auto writing = weft::spawn([&] { t.ends.server.write_all(bytes_of(long_text(4 << 20))); });
        let_others_run_on();
        ASSERT_FALSE(writing.done());
        writing.cancel();
        EXPECT_EQ(error_of(writing), std::errc::operation_canceled);
        // The answer to this can't be sent now, and the words after it are read all the same.
        SSL_key_update(t.ends.client.native(), SSL_KEY_UPDATE_REQUESTED);
        auto across = weft::spawn([&] {
            std::error_code ec;
            weft::copy(t.beside_client, t.beside_server, ec);
        });
        t.ends.client.write_all(bytes_of("one"));
        EXPECT_EQ(read_text(t.ends.server), "one");
        t.ends.client.write_all(bytes_of("two"));
        EXPECT_EQ(read_text(t.ends.server), "two");
    });
}

}  // namespace
