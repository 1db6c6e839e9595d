// Against TLS that others wrote, or at least drive: the openssl command and curl.

#include <gmock/gmock.h>

#include <string>
#include <vector>
#include <weft/buffered.hpp>
#include <weft/process.hpp>
#include <weft/tcp.hpp>
#include <weft/tls.hpp>

#include "connections.hpp"

namespace {

using namespace connections;
using namespace worlds;
using testing::HasSubstr;
using weft::bytes_of;
using weft::process;
using weft::stdio;
using weft::tls_errc;
using weft::tls_stream;
using weft::tls_version;

class tls_with_programs : public tls {
protected:
    void SetUp() override {
        for (auto const& program :
             std::vector<std::vector<std::string>>{{"openssl", "version"}, {"curl", "--version"}}) {
            std::error_code ec;
            process started = process::spawn(program, {.out = stdio::null}, ec);
            if (ec || !started.wait().success()) {
                GTEST_SKIP() << program.front() << " is not installed";
            }
        }
    }

    /// openssl s_client, connected to a server of ours.
    [[nodiscard]] process s_client(std::vector<std::string> const& options) {
        std::vector<std::string> command{"openssl",
                                         "s_client",
                                         "-connect",
                                         listener.local().text(),
                                         "-CAfile",
                                         trusted.chain.string(),
                                         "-servername",
                                         "example.org",
                                         "-verify_return_error"};
        command.insert(command.end(), options.begin(), options.end());
        return process::spawn(command, {.in = stdio::piped, .out = stdio::piped, .error = stdio::as_out});
    }

    /// openssl s_server, that sends back each line in reverse, and ends after one connection; and where it is.
    [[nodiscard]] std::pair<process, weft::endpoint> s_server(std::vector<std::string> const& options) {
        std::vector<std::string> command{"openssl", "s_server",         "-accept", "127.0.0.1:0",
                                         "-cert",   own.chain.string(), "-key",    own.key.string(),
                                         "-rev",    "-naccept",         "1"};
        command.insert(command.end(), options.begin(), options.end());
        process started = process::spawn(command, {.in = stdio::piped, .out = stdio::piped, .error = stdio::null});
        weft::buffered_reader out(started.out());
        std::string_view port;
        while (auto line = out.read_line()) {
            if (line->starts_with("ACCEPT ")) {
                port = line->substr(line->rfind(':') + 1);
                break;
            }
        }
        EXPECT_NE(port, "");
        return {std::move(started), loopback(static_cast<std::uint16_t>(std::stoi(std::string(port))))};
    }

    weft::tcp_listener listener{loopback()};
};

/// Reads until the text has come.
void expect(weft::pipe_reader& from, std::string_view text) {
    std::string seen;
    while (seen.find(text) == seen.npos) {
        std::string more = read_text(from, 1000);
        ASSERT_NE(more, "") << text << " did not come, but " << seen;
        seen += more;
    }
}

/// Sends back what comes, until the end.
void echo(tls_stream s) {
    weft::copy(s, s);
    s.shutdown_write();
}

TEST_F(tls_with_programs, serves_a_client_of_openssls) {
    server.set_protocols({"h2", "http/1.1"});
    in_both_worlds([&] {
        for (std::string version : {"-tls1_2", "-tls1_3"}) {
            process program = s_client({version, "-alpn", "http/1.1,h2", "-quiet"});
            tls_stream s = tls_stream::accept(listener.accept(), server);
            EXPECT_EQ(s.protocol(), "h2");
            EXPECT_EQ(s.server_name(), "example.org");
            auto echoing = weft::spawn([&] { echo(std::move(s)); });
            program.in().write_all(bytes_of("a word\n"));
            expect(program.out(), "a word");
            program.kill();
            program.wait();
            EXPECT_EQ(error_of(echoing), tls_errc::truncated);
        }
    });
}

TEST_F(tls_with_programs, answers_a_client_that_asks_for_new_keys) {
    weft::run([&] {
        process program = s_client({"-tls1_3"});
        auto echoing = weft::spawn([&] { echo(tls_stream::accept(listener.accept(), server)); });
        program.in().write_all(bytes_of("K\n"));
        expect(program.out(), "KEYUPDATE");
        program.in().write_all(bytes_of("a word\n"));
        expect(program.out(), "a word");
        program.in().write_all(bytes_of("Q\n"));
        EXPECT_TRUE(program.wait().success());
        echoing.join();
    });
}

TEST_F(tls_with_programs, refuses_a_client_that_wants_to_start_over) {
    weft::run([&] {
        process program = s_client({"-tls1_2"});
        auto echoing = weft::spawn([&] { echo(tls_stream::accept(listener.accept(), server)); });
        program.in().write_all(bytes_of("R\n"));
        expect(program.out(), "no renegotiation");
        EXPECT_FALSE(program.wait().success());
        EXPECT_TRUE(error_of(echoing));
    });
}

TEST_F(tls_with_programs, talks_to_a_server_of_openssls) {
    in_both_worlds([&] {
        for (std::string version : {"-tls1_2", "-tls1_3"}) {
            auto [program, where] = s_server({version});
            tls_stream s = tls_stream::connect(weft::tcp_stream::connect(where), client, "example.org");
            EXPECT_EQ(s.version(), version == "-tls1_2" ? tls_version::tls1_2 : tls_version::tls1_3);
            s.write_all(bytes_of("hello\n"));
            EXPECT_EQ(read_text(s), "olleh\n");
            s.shutdown_write();
            EXPECT_EQ(weft::read_all(s, 100), "");
        }
    });
}

TEST_F(tls_with_programs, finds_out_about_a_server_of_openssls_with_the_wrong_name) {
    weft::run([&] {
        auto [program, where] = s_server({});
        std::error_code ec;
        (void)tls_stream::connect(weft::tcp_stream::connect(where), client, "example.com", ec);
        EXPECT_EQ(ec, tls_errc::host_name_mismatch);
    });
}

TEST_F(tls_with_programs, serves_curl) {
    server.set_protocols({"http/1.1"});
    in_both_worlds([&] {
        std::string port = std::to_string(listener.local().port());
        process curl =
            process::spawn({"curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", trusted.chain.string(),
                            "--resolve", "example.org:" + port + ":127.0.0.1", "https://example.org:" + port + "/"},
                           {.out = stdio::piped});
        tls_stream s = tls_stream::accept(listener.accept(), server);
        weft::buffered_reader in(s);
        EXPECT_THAT(std::string(in.read_until("\r\n\r\n")), HasSubstr("Host: example.org"));
        std::string const page(100'000, 'x');
        s.write_all(bytes_of("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(page.size()) +
                             "\r\n\r\n" + page));
        s.shutdown_write();
        EXPECT_TRUE(weft::read_all(curl.out(), 1 << 20) == page);
        EXPECT_TRUE(curl.wait().success());
    });
}

}  // namespace
