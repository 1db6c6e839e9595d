#include <gmock/gmock.h>

#include <openssl/ssl.h>

#include <string>
#include <weft/event.hpp>
#include <weft/tls.hpp>
#include <weft/unix.hpp>

#include "connections.hpp"

namespace {

using namespace std::chrono_literals;
using namespace connections;
using namespace worlds;
using testing::HasSubstr;
using weft::bytes_of;
using weft::tls_context;
using weft::tls_errc;
using weft::tls_stream;
using weft::tls_version;

class tls_handshake : public tls {};
class tls_certificates : public tls {};
class tls_sessions : public tls {};
class tls_names : public tls {};

// ---- what is agreed on ----------------------------------------------------------------------------------------------

TEST_F(tls_handshake, agrees_on_the_newest_version) {
    in_both_worlds([&] {
        pair p = connect(client, server);
        EXPECT_EQ(p.client.version(), tls_version::tls1_3);
        EXPECT_EQ(p.server.version(), tls_version::tls1_3);
        EXPECT_EQ(p.client.cipher(), p.server.cipher());
        EXPECT_THAT(std::string(p.client.cipher()), HasSubstr("TLS_"));
        EXPECT_EQ(p.server.server_name(), "example.org");
        EXPECT_EQ(p.client.peer_subject(), "CN=example.org");
        EXPECT_EQ(p.server.peer_subject(), "");
        EXPECT_EQ(p.client.protocol(), "");
    });
}

TEST_F(tls_handshake, goes_down_to_the_version_that_both_have) {
    server.set_versions(tls_version::tls1_2, tls_version::tls1_2);
    weft::run([&] { EXPECT_EQ(connect(client, server).client.version(), tls_version::tls1_2); });
}

TEST_F(tls_handshake, fails_without_a_version_in_common) {
    server.set_versions(tls_version::tls1_2, tls_version::tls1_2);
    client.set_versions(tls_version::tls1_3, tls_version::tls1_3);
    in_both_worlds([&] {
        outcomes said = handshake(client, server);
        EXPECT_EQ(said.client, tls_errc::no_common_version);
        EXPECT_EQ(said.server, tls_errc::no_common_version);
    });
}

TEST_F(tls_handshake, takes_the_servers_favourite_of_the_protocols_that_both_have) {
    server.set_protocols({"h2", "http/1.1"});
    client.set_protocols({"imap", "http/1.1", "h2"});
    weft::run([&] {
        pair p = connect(client, server);
        EXPECT_EQ(p.client.protocol(), "h2");
        EXPECT_EQ(p.server.protocol(), "h2");
    });
}

TEST_F(tls_handshake, fails_without_a_protocol_in_common) {
    server.set_protocols({"h2", "http/1.1"});
    client.set_protocols({"imap"});
    weft::run([&] {
        outcomes said = handshake(client, server);
        EXPECT_EQ(said.client, tls_errc::no_common_protocol);
        EXPECT_EQ(said.server, tls_errc::no_common_protocol);
    });
}

TEST_F(tls_handshake, needs_no_protocol_if_the_client_asks_for_none) {
    server.set_protocols({"h2"});
    weft::run([&] { EXPECT_EQ(connect(client, server).server.protocol(), ""); });
}

TEST_F(tls_handshake, says_which_protocol_has_no_name) {
    EXPECT_THROW(client.set_protocols({"h2", ""}), std::invalid_argument);
    EXPECT_THROW(client.set_protocols({std::string(256, 'x')}), std::invalid_argument);
}

// ---- certificates ---------------------------------------------------------------------------------------------------

TEST_F(tls_certificates, of_another_host_are_refused_by_name) {
    in_both_worlds([&] {
        outcomes said = handshake(client, server, "example.com");
        EXPECT_EQ(said.client, tls_errc::host_name_mismatch);
        EXPECT_THAT(said.server.message(), HasSubstr("alert bad certificate"));
        auto ends = weft::unix_stream_pair();
        auto accepting = weft::spawn([&] {
            std::error_code ec;
            (void)tls_stream::accept(std::move(ends.second), server, ec);
        });
        auto e = thrown_by([&] { (void)tls_stream::connect(std::move(ends.first), client, "example.com"); });
        EXPECT_THAT(e.what(), HasSubstr("TLS handshake with \"example.com\": the certificate is for another host"));
        accepting.join();
    });
}

TEST_F(tls_certificates, that_are_out_of_date_are_told_apart) {
    auto expired = server_with(issue({.from_days = -3, .to_days = -1}, "expired"));
    auto early = server_with(issue({.from_days = 1, .to_days = 3}, "early"));
    weft::run([&] {
        EXPECT_EQ(handshake(client, expired).client, tls_errc::certificate_expired);
        EXPECT_EQ(handshake(client, early).client, tls_errc::certificate_not_yet_valid);
    });
}

TEST_F(tls_certificates, that_nobody_known_vouches_for_are_told_apart) {
    auto itself = server_with(write(certificates::make({}), "itself"));
    auto stranger = certificates::make({.subject = "Stranger", .names = {}, .authority = true});
    auto by_stranger = server_with(write(certificates::make({}, &stranger), "by_stranger"));
    weft::run([&] {
        EXPECT_EQ(handshake(client, itself).client, tls_errc::self_signed);
        EXPECT_EQ(handshake(client, by_stranger).client, tls_errc::unknown_issuer);
        EXPECT_EQ(handshake(tls_context::client(), server).client, tls_errc::unknown_issuer)
            << "the system does not trust the test's authority";
    });
}

TEST_F(tls_certificates, of_an_address_serve_that_address) {
    auto numbered = server_with(issue({.names = "IP:127.0.0.1"}));
    weft::run([&] {
        EXPECT_EQ(connect(client, numbered, "127.0.0.1").server.server_name(), "") << "addresses are not sent";
        EXPECT_EQ(handshake(client, numbered, "127.0.0.2").client, tls_errc::host_name_mismatch);
        EXPECT_EQ(handshake(client, server, "127.0.0.1").client, tls_errc::host_name_mismatch);
    });
}

TEST_F(tls_certificates, of_a_domain_serve_its_hosts) {
    auto domain = server_with(issue({.names = "DNS:*.example.org"}));
    weft::run([&] {
        connect(client, domain, "www.example.org");
        EXPECT_EQ(connect(client, server, "example.org.").server.server_name(), "example.org");
        EXPECT_EQ(handshake(client, domain, "example.org").client, tls_errc::host_name_mismatch);
        EXPECT_EQ(handshake(client, domain, "a.www.example.org").client, tls_errc::host_name_mismatch);
    });
}

TEST_F(tls_certificates, are_not_taken_without_a_name_to_look_for) {
    weft::run([&] {
        auto ends = weft::unix_stream_pair();
        std::error_code ec;
        tls_stream none = tls_stream::connect(std::move(ends.first), client, "", ec);
        EXPECT_EQ(ec, std::errc::invalid_argument);
        EXPECT_FALSE(none);
    });
}

TEST_F(tls_certificates, are_not_looked_at_by_those_who_trust_anyone) {
    auto itself = server_with(write(certificates::make({}), "itself"));
    client.trust_anyone();
    weft::run([&] {
        connect(client, itself, "example.com");
        connect(client, itself, "");
    });
}

TEST_F(tls_certificates, are_demanded_of_clients) {
    auto visitor = issue({.subject = "visitor", .names = {}}, "visitor");
    server.require_client_certificate(trusted.chain);
    auto known = tls_context::client(trusted.chain);
    known.use_certificate(visitor.chain, visitor.key);
    in_both_worlds([&] {
        EXPECT_EQ(connect(known, server).server.peer_subject(), "CN=visitor");
        EXPECT_EQ(handshake(client, server).server, tls_errc::certificate_missing);
    });
}

TEST_F(tls_certificates, of_unknown_clients_are_refused_and_these_are_told) {
    auto stranger = write(certificates::make({.subject = "stranger", .names = {}}), "stranger");
    client.use_certificate(stranger.chain, stranger.key);
    server.require_client_certificate(trusted.chain);
    weft::run([&] {
        pair p;
        outcomes said = handshake(weft::unix_stream_pair(), client, server, "example.org", &p);
        EXPECT_EQ(said.server, tls_errc::self_signed);
        // In TLS 1.3 the client is through before the server has looked.
        auto e = thrown_by([&] { read_text(p.client); });
        EXPECT_THAT(e.what(), HasSubstr("alert unknown ca"));
        EXPECT_EQ(thrown_by([&] { read_text(p.client); }).code(), e.code()) << "it stays so";
    });
}

TEST_F(tls_certificates, that_can_not_be_read_are_named) {
    auto missing = thrown_by([&] { (void)tls_context::server(path("missing.pem"), own.key); });
    EXPECT_EQ(missing.code(), std::errc::no_such_file_or_directory);
    EXPECT_THAT(missing.what(), HasSubstr("missing.pem"));
    auto mixed_up = thrown_by([&] { (void)tls_context::server(own.chain, trusted.key); });
    EXPECT_THAT(mixed_up.what(),
                testing::AllOf(HasSubstr("authority.key"), HasSubstr("server.pem"), HasSubstr("key values mismatch")));
    auto no_certificate = thrown_by([&] { (void)tls_context::client(own.key); });
    EXPECT_THAT(no_certificate.what(), HasSubstr("server.key"));
}

// ---- several names --------------------------------------------------------------------------------------------------

TEST_F(tls_names, choose_the_certificate_and_the_protocols) {
    auto second = server_with(issue({.subject = "example.com", .names = "DNS:example.com"}));
    second.set_protocols({"second"});
    server.set_protocols({"first"});
    client.set_protocols({"first", "second"});
    server.choose_by_name([&](std::string_view name) { return name == "example.com" ? &second : nullptr; });
    in_both_worlds([&] {
        EXPECT_EQ(connect(client, server, "EXAMPLE.com").client.protocol(), "second");
        EXPECT_EQ(connect(client, server, "example.org").client.protocol(), "first");
        EXPECT_EQ(handshake(client, server, "elsewhere").client, tls_errc::host_name_mismatch);
    });
}

TEST_F(tls_names, bring_their_demands_along) {
    auto closed = server_with(issue({.subject = "example.com", .names = "DNS:example.com"}));
    closed.require_client_certificate(trusted.chain);
    server.choose_by_name([&](std::string_view name) { return name == "example.com" ? &closed : nullptr; });
    weft::run([&] { EXPECT_EQ(handshake(client, server, "example.com").server, tls_errc::certificate_missing); });
}

// ---- sessions -------------------------------------------------------------------------------------------------------

/// The server says a word and both announce their ends: so the client has read the tickets.
void converse(pair p) {
    p.server.write_all(bytes_of("word"));
    p.server.shutdown_write();
    EXPECT_EQ(weft::read_all(p.client, 100), "word");
    p.client.shutdown_write();
    EXPECT_EQ(weft::read_all(p.server, 100), "");
}

TEST_F(tls_sessions, are_taken_up_again_with_each_host) {
    for (tls_version version : {tls_version::tls1_2, tls_version::tls1_3}) {
        client.set_versions(version, version);
        weft::run([&] {
            pair first = connect(client, server);
            EXPECT_FALSE(first.client.resumed());
            converse(std::move(first));
            pair second = connect(client, server);
            EXPECT_TRUE(second.client.resumed());
            EXPECT_TRUE(second.server.resumed());
            EXPECT_EQ(second.server.server_name(), "example.org");
            EXPECT_EQ(second.client.peer_subject(), "CN=example.org");
            converse(std::move(second));
            EXPECT_EQ(handshake(client, server, "example.com").client, tls_errc::host_name_mismatch)
                << "another host's session serves nobody";
        });
    }
}

TEST_F(tls_sessions, do_not_lead_around_a_demand_for_a_certificate) {
    auto closed = server_with(issue({.names = "DNS:example.org"}));
    closed.require_client_certificate(trusted.chain);
    bool close = false;
    server.choose_by_name([&](std::string_view) { return close ? &closed : nullptr; });
    weft::run([&] {
        converse(connect(client, server));
        close = true;
        EXPECT_EQ(handshake(client, server).server, tls_errc::certificate_missing);
    });
}

// ---- what goes wrong ------------------------------------------------------------------------------------------------

TEST_F(tls_handshake, knows_what_is_not_tls) {
    in_both_worlds([&] {
        for (std::string garbage : {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
                                    "SSH-2.0-OpenSSH_9.2\r\n", "\x7f\xff\xfe\x01\x02\x03\x04\x05\x06\x07\x08"}) {
            auto ends = weft::unix_stream_pair();
            ends.first.write_all(bytes_of(garbage));
            std::error_code ec;
            EXPECT_FALSE(tls_stream::accept(std::move(ends.second), server, ec));
            EXPECT_EQ(ec, tls_errc::not_tls) << garbage;
            ends = weft::unix_stream_pair();
            ends.first.write_all(bytes_of(garbage));
            EXPECT_FALSE(tls_stream::connect(std::move(ends.second), client, "example.org", ec));
            EXPECT_EQ(ec, tls_errc::not_tls) << garbage;
        }
    });
}

TEST_F(tls_handshake, fails_when_the_peer_goes_away) {
    in_both_worlds([&] {
        auto ends = weft::unix_stream_pair();
        ends.first.close();
        std::error_code ec;
        EXPECT_FALSE(tls_stream::accept(std::move(ends.second), server, ec));
        EXPECT_EQ(ec, tls_errc::truncated);
        ends = weft::unix_stream_pair();
        ends.first.shutdown_write();
        EXPECT_FALSE(tls_stream::connect(std::move(ends.second), client, "example.org", ec));
        EXPECT_EQ(ec, tls_errc::truncated);
    });
}

void wait_for_ever() {
    weft::event(weft::event::manual).wait();
}

/// Brings bytes across, so many at a time at most, and after `most` no more.
void relay(weft::unix_stream& from, weft::unix_stream& to, std::size_t most, std::size_t at_once) {
    for (std::vector<std::byte> buffer(at_once); most > 0;) {
        std::size_t n = from.read(std::span(buffer).first(std::min(at_once, most)));
        if (n == 0) {
            to.shutdown_write();
            return;
        }
        to.write_all(std::span(buffer).first(n));
        most -= n;
    }
    wait_for_ever();
}

struct wire {
    wire(std::size_t from_client, std::size_t from_server, std::size_t at_once) {
        relays.spawn([=, this] { relay_while_there(client.second, server.second, from_client, at_once); });
        relays.spawn([=, this] { relay_while_there(server.second, client.second, from_server, at_once); });
    }
    static void relay_while_there(weft::unix_stream& from, weft::unix_stream& to, std::size_t most,
                                  std::size_t at_once) {
        try {
            relay(from, to, most, at_once);
        } catch (std::system_error const&) {  // an end has gone, or the test is over
        }
    }
    std::pair<weft::unix_stream, weft::unix_stream> client = weft::unix_stream_pair();
    std::pair<weft::unix_stream, weft::unix_stream> server = weft::unix_stream_pair();
    weft::scope relays;
};

constexpr std::size_t all = SIZE_MAX;

TEST_F(tls_handshake, goes_through_a_wire_that_brings_a_byte_at_a_time) {
    in_both_worlds([&] {
        wire w(all, all, 1);
        outcomes said =
            handshake({std::move(w.client.first), std::move(w.server.first)}, client, server, "example.org");
        EXPECT_FALSE(said.client);
        EXPECT_FALSE(said.server);
    });
}

TEST_F(tls_handshake, ends_at_each_step_when_it_is_cancelled_or_its_time_is_up) {
    (void)weft::loop::current();  // has descriptors of its own
    long before = open_descriptors();
    std::vector<std::pair<std::size_t, std::size_t>> const cuts{{0, all}, {1, all}, {100, all}, {350, all}, {550, all},
                                                                {all, 0}, {all, 1}, {all, 100}, {all, 700}};
    for (tls_version version : {tls_version::tls1_2, tls_version::tls1_3}) {
        client.set_versions(version, version);
        for (auto const& cut : cuts) {
            SCOPED_TRACE(testing::Message() << cut.first << " and " << cut.second << " bytes come through");
            weft::run([&] {
                wire w(cut.first, cut.second, 4096);
                auto accepting = weft::spawn([&] {
                    tls_stream s = tls_stream::accept(std::move(w.server.first), server);
                    wait_for_ever();
                });
                auto connecting = weft::spawn([&] {
                    weft::with_limit(1ms, [&] {
                        tls_stream s = tls_stream::connect(std::move(w.client.first), client, "example.org");
                        wait_for_ever();
                    });
                });
                EXPECT_EQ(error_of(connecting), std::errc::timed_out);
                accepting.cancel();
                std::error_code ec = error_of(accepting);
                EXPECT_TRUE(ec == std::errc::operation_canceled || ec == tls_errc::truncated) << ec.message();
            });
        }
    }
    EXPECT_EQ(open_descriptors(), before);
}

TEST_F(tls_handshake, begins_nothing_when_its_time_was_up_before) {
    weft::run([&] {
        auto ends = weft::unix_stream_pair();
        auto e =
            thrown_by([&] { weft::with_limit(0s, [&] { (void)tls_stream::accept(std::move(ends.second), server); }); });
        EXPECT_EQ(e.code(), std::errc::timed_out);
    });
}

}  // namespace
