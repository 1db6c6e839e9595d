// Floor: io

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <weft/tls.hpp>

#include "io/tls/context_state.hpp"
#include "io/tls/errors.hpp"

namespace weft {
namespace {

/// The name in a client's hello (RFC 6066, 3), in lower case; empty if there is none. What is wrong with it OpenSSL finds
/// later.
std::string name_asked_for(SSL* connection) {
    unsigned char const* p = nullptr;
    std::size_t size = 0;
    constexpr std::size_t header = 5;  // the list's length, a kind, the name's length
    if (SSL_client_hello_get0_ext(connection, TLSEXT_TYPE_server_name, &p, &size) != 1 || size < header ||
        p[2] != TLSEXT_NAMETYPE_host_name) {
        return {};
    }
    std::size_t length = static_cast<std::size_t>(p[3]) << 8 | p[4];
    std::string name(reinterpret_cast<char const*>(p) + header, std::min(length, size - header));
    std::ranges::transform(name, name.begin(), [](char c) { return 'A' <= c && c <= 'Z' ? c - 'A' + 'a' : c; });
    return name;
}

/// The client's hello has come, and nothing was made of it yet. That early, so that a session of another context can't be
/// taken up again: they differ in their session id context.
int choose_context(SSL* connection, int*, void*) {
    auto const& choose = detail::state_of(*SSL_get_SSL_CTX(connection)).choose;
    tls_context const* chosen = choose ? choose(name_asked_for(connection)) : nullptr;
    if (chosen != nullptr) {
        SSL_set_SSL_CTX(connection, chosen->native());
        SSL_set_verify(connection, SSL_CTX_get_verify_mode(chosen->native()), nullptr);  // that stays behind else
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

/// The first of our protocols that the client offers.
int choose_protocol(SSL* connection, unsigned char const** chosen, unsigned char* length, unsigned char const* offered,
                    unsigned offered_length, void*) {
    auto const& ours = detail::state_of(*SSL_get_SSL_CTX(connection)).protocols;
    unsigned char* found = nullptr;
    int result =
        SSL_select_next_proto(&found, length, ours.data(), static_cast<unsigned>(ours.size()), offered, offered_length);
    *chosen = found;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int number_of(tls_version version) {
    return version == tls_version::tls1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

}  // namespace

tls_context::tls_context(bool for_server)
    : context_(SSL_CTX_new(for_server ? TLS_server_method() : TLS_client_method()), &SSL_CTX_free) {
    if (context_ == nullptr) {
        detail::refuse_tls("weft: no TLS context");
    }
    detail::attach_state(*native());
    set_versions(tls_version::tls1_2, tls_version::tls1_3);
    // Without renegotiation a write never has to wait for the peer; 1.3 has none.
    SSL_CTX_set_options(native(), SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(native(), SSL_MODE_RELEASE_BUFFERS);
}

tls_context tls_context::client() {
    tls_context made(false);
    if (SSL_CTX_set_default_verify_paths(made.native()) != 1) {
        detail::refuse_tls("weft: the certificates that the system trusts");
    }
    SSL_CTX_set_verify(made.native(), SSL_VERIFY_PEER, nullptr);
    detail::keep_sessions(*made.native());
    return made;
}

tls_context tls_context::client(std::filesystem::path const& trusted) {
    tls_context made(false);
    made.trust(trusted);
    SSL_CTX_set_verify(made.native(), SSL_VERIFY_PEER, nullptr);
    detail::keep_sessions(*made.native());
    return made;
}

tls_context tls_context::server(std::filesystem::path const& chain, std::filesystem::path const& key) {
    tls_context made(true);
    made.use_certificate(chain, key);
    std::array<unsigned char, SSL_MAX_SID_CTX_LENGTH> own;
    if (RAND_bytes(own.data(), own.size()) != 1) {
        detail::refuse_tls("weft: no random numbers for TLS");
    }
    SSL_CTX_set_session_id_context(made.native(), own.data(), own.size());
    SSL_CTX_set_client_hello_cb(made.native(), &choose_context, nullptr);
    // Without one OpenSSL keeps no name with a session.
    SSL_CTX_set_tlsext_servername_callback(
        made.native(), +[](SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; });
    return made;
}

void tls_context::trust(std::filesystem::path const& trusted) {
    ERR_clear_error();
    if (SSL_CTX_load_verify_locations(native(), trusted.c_str(), nullptr) != 1) {
        detail::refuse_tls("weft: certificates to trust, \"" + trusted.string() + "\"");
    }
}

void tls_context::use_certificate(std::filesystem::path const& chain, std::filesystem::path const& key) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(native(), chain.c_str()) != 1) {
        detail::refuse_tls("weft: certificate \"" + chain.string() + "\"");
    }
    if (SSL_CTX_use_PrivateKey_file(native(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
        detail::refuse_tls("weft: key \"" + key.string() + "\" for the certificate \"" + chain.string() + "\"");
    }
}

void tls_context::require_client_certificate(std::filesystem::path const& trusted) {
    trust(trusted);
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(trusted.c_str());  // they are told to the client
    if (names == nullptr) {
        detail::refuse_tls("weft: certificates to trust, \"" + trusted.string() + "\"");
    }
    SSL_CTX_set_client_CA_list(native(), names);
    SSL_CTX_set_verify(native(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

void tls_context::trust_anyone() {
    SSL_CTX_set_verify(native(), SSL_VERIFY_NONE, nullptr);
}

void tls_context::set_versions(tls_version least, tls_version most) {
    SSL_CTX_set_min_proto_version(native(), number_of(least));
    SSL_CTX_set_max_proto_version(native(), number_of(most));
}

void tls_context::set_protocols(std::vector<std::string> const& names) {
    auto& wire = detail::state_of(*native()).protocols;
    wire.clear();
    for (std::string const& name : names) {
        if (name.empty() || name.size() > 255) {
            throw std::invalid_argument("weft: the name of a protocol (ALPN) has 1 to 255 bytes, \"" + name +
                                        "\" has " + std::to_string(name.size()));
        }
        wire.push_back(static_cast<unsigned char>(name.size()));
        wire.insert(wire.end(), name.begin(), name.end());
    }
    SSL_CTX_set_alpn_protos(native(), wire.data(), static_cast<unsigned>(wire.size()));
    SSL_CTX_set_alpn_select_cb(native(), wire.empty() ? nullptr : &choose_protocol, nullptr);
}

void tls_context::choose_by_name(std::function<tls_context const*(std::string_view)> choose) {
    detail::state_of(*native()).choose = std::move(choose);
}

}  // namespace weft
