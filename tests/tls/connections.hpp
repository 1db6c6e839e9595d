// Pairs of TLS streams for the tests, and somebody who sits on the wire between them.

#pragma once

#include <functional>
#include <string>
#include <utility>
#include <weft/tls.hpp>
#include <weft/unix.hpp>

#include "../io/worlds.hpp"
#include "certificates.hpp"

namespace connections {

using worlds::folder;

struct pair {
    weft::tls_stream client;
    weft::tls_stream server;
};

struct outcomes {
    std::error_code client;
    std::error_code server;
};

/// An authority, a server that it vouches for, and the contexts of both sides.
class tls : public folder {
protected:
    [[nodiscard]] certificates::files write(certificates::identity const& who, std::string const& name) {
        return certificates::write(who, folder_, name);
    }
    /// Files of a new certificate.
    [[nodiscard]] certificates::files issue(certificates::wanted const& w, std::string const& name = "other") {
        return write(certificates::make(w, &authority), name);
    }
    [[nodiscard]] static weft::tls_context server_with(certificates::files const& f) {
        return weft::tls_context::server(f.chain, f.key);
    }

    certificates::identity authority =
        certificates::make({.subject = "Test authority", .names = {}, .authority = true});
    certificates::files trusted = write(authority, "authority");
    certificates::files own = issue({}, "server");
    weft::tls_context server = server_with(own);
    weft::tls_context client = weft::tls_context::client(trusted.chain);
};

/// Both sides' handshakes over these; what each says.
inline outcomes handshake(std::pair<weft::unix_stream, weft::unix_stream> ends, weft::tls_context const& client,
                          weft::tls_context const& server, std::string const& host, pair* made = nullptr) {
    outcomes said;
    auto accepting = weft::spawn([&] { return weft::tls_stream::accept(std::move(ends.second), server, said.server); });
    weft::tls_stream c = weft::tls_stream::connect(std::move(ends.first), client, host, said.client);
    weft::tls_stream s = accepting.join();
    if (made != nullptr) {
        *made = {std::move(c), std::move(s)};
    }
    return said;
}
inline outcomes handshake(weft::tls_context const& client, weft::tls_context const& server,
                          std::string const& host = "example.org") {
    return handshake(weft::unix_stream_pair(), client, server, host);
}

/// A connection that has to come about.
inline pair connect(weft::tls_context const& client, weft::tls_context const& server,
                    std::string const& host = "example.org") {
    pair made;
    outcomes said = handshake(weft::unix_stream_pair(), client, server, host, &made);
    EXPECT_FALSE(said.client) << said.client.message();
    EXPECT_FALSE(said.server) << said.server.message();
    return made;
}

}  // namespace connections
