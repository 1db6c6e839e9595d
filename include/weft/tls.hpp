// Floor: io
//
// TLS 1.2 and 1.3 over a connected stream, by OpenSSL. A component of its own: weft::tls, weft-tls.pc.
//
//     weft::tls_context trusted = weft::tls_context::client();      // whom the system trusts
//     weft::tls_stream server = weft::tls_stream::connect(weft::tcp_stream::connect(address), trusted, "example.org");
//     server.write_all(request);
//     std::string answer = weft::read_all(server, 1 << 20);
//
//     weft::tls_context own = weft::tls_context::server("chain.pem", "key.pem");
//     weft::tls_stream client = weft::tls_stream::accept(listener.accept(), own);
//
// A tls_stream is a byte_stream: buffered_reader, copy() and the like work on it. Each call has two forms: the one shown
// throws std::system_error; the other takes a std::error_code last. All suspend inside a coroutine, and run the thread's
// loop elsewhere. One read and one write at a time, by two coroutines of one loop if need be.
//
// An end that the peer has not announced is an error, tls_errc::truncated: an attacker on the network could have cut
// the stream there. So announce the end of yours with shutdown_write() before the stream is destroyed.

#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>
#include <weft/byte_stream.hpp>
#include <weft/stream.hpp>

struct ssl_st;
struct ssl_ctx_st;

namespace weft {

/// Errors of TLS that a program may want to tell apart. Its category is called "tls". What else OpenSSL says comes in
/// the category "openssl", what else it has against a certificate (X509_V_ERR_...) in "certificate".
enum class tls_errc {
    truncated = 1,              ///< The connection ended without the peer's announcement.
    not_tls,                    ///< The peer does not speak TLS.
    certificate_expired,        ///< Or a certificate of its chain.
    certificate_not_yet_valid,  ///< Or a certificate of its chain.
    host_name_mismatch,         ///< It is another host's certificate.
    self_signed,                ///< Signed by itself, or its chain ends in an untrusted root.
    unknown_issuer,             ///< An issuer is not known here.
    certificate_missing,        ///< The client sent none, and one is required.
    no_common_protocol,         ///< None by ALPN.
    no_common_version           ///< Of TLS.
};
[[nodiscard]] std::error_code make_error_code(tls_errc e) noexcept;

enum class tls_version { tls1_2, tls1_3 };

/// Settings that connections share: certificates, trusted issuers, protocols. A handle: copies share the settings.
/// Set it up before its first connection; from then on any thread may use it.
class tls_context {
public:
    /// For clients. They demand a certificate of the server that is valid, for the host's name, and vouched for by one
    /// whom the system trusts. Throws std::system_error. Suspends: no.
    [[nodiscard]] static tls_context client();
    /// The same, trusting only the certificates in that PEM file.
    [[nodiscard]] static tls_context client(std::filesystem::path const& trusted);
    /// For servers: PEM files with the certificate followed by its chain, and with its key.
    /// Throws std::system_error that names the file. Suspends: no; it reads files.
    [[nodiscard]] static tls_context server(std::filesystem::path const& chain, std::filesystem::path const& key);

    /// The certificate that a client sends if it is asked; for servers as in server().
    void use_certificate(std::filesystem::path const& chain, std::filesystem::path const& key);
    /// A server requires a certificate of each client, issued by one in that PEM file.
    void require_client_certificate(std::filesystem::path const& trusted);
    /// A client accepts any certificate: no protection against an attacker on the network. For tests.
    void trust_anyone();

    /// Both inclusive. Default: 1.2 and newer.
    void set_versions(tls_version least, tls_version most);

    /// ALPN: the protocols that a client offers or a server accepts, the preferred first. A server refuses a client
    /// that offers none of its own.
    /// Throws std::invalid_argument if a name is empty or longer than 255.
    void set_protocols(std::vector<std::string> const& names);

    /// A server with several names (SNI): `choose(name)` is called with the name that the client asks for, in lower
    /// case, and returns the context whose certificate and protocols to use; nullptr: this one. It is called on the
    /// connection's thread, and must neither suspend nor throw.
    void choose_by_name(std::function<tls_context const*(std::string_view name)> choose);

    /// For what has no function here. Owned by the context.
    [[nodiscard]] ssl_ctx_st* native() const noexcept { return context_.get(); }

private:
    explicit tls_context(bool for_server);
    void trust(std::filesystem::path const& trusted);

    std::shared_ptr<ssl_ctx_st> context_;
};

/// One connection. Moves, does not copy. The destructor closes it without announcing the end.
class tls_stream {
public:
    tls_stream() noexcept;
    tls_stream(tls_stream&& other) noexcept;
    tls_stream& operator=(tls_stream&& other) noexcept;
    ~tls_stream();

    /// The client's handshake. `host`: the name or the numeric address that the server's certificate must be for.
    /// Sessions are resumed: the context keeps the last one of each host.
    /// Throws std::system_error that names the host: tls_errc and the like, or invalid_argument if `host` is empty.
    /// Suspends.
    [[nodiscard]] WEFT_MIXED_FN static tls_stream connect(stream over, tls_context const& context,
                                                          std::string const& host, call_site where = call_site::here());
    [[nodiscard]] WEFT_MIXED_FN static tls_stream connect(stream over, tls_context const& context,
                                                          std::string const& host, std::error_code& ec,
                                                          call_site where = call_site::here());
    /// The server's handshake. Set a limit: a client may be silent. Suspends.
    [[nodiscard]] WEFT_MIXED_FN static tls_stream accept(stream over, tls_context const& context,
                                                         call_site where = call_site::here());
    [[nodiscard]] WEFT_MIXED_FN static tls_stream accept(stream over, tls_context const& context, std::error_code& ec,
                                                         call_site where = call_site::here());

    /// Reads what is there, at least one byte, at most the buffer. 0: the peer has announced its end. Never waits for the
    /// peer to read.
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, std::error_code& ec,
                                   call_site where = call_site::here());

    /// Writes all. Returns less only with an error: how much was encrypted by then. That can't be taken back: after a
    /// wait that ended early the next write first sends what is left of it, up to 64 KiB.
    WEFT_MIXED_FN void write_all(std::span<std::byte const> buffer, call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t write_all(std::span<std::byte const> buffer, std::error_code& ec,
                                        call_site where = call_site::here());

    /// Announces the end of the writing side: the peer reads 0 after it. Reads go on. Suspends.
    WEFT_MIXED_FN void shutdown_write(call_site where = call_site::here());
    WEFT_MIXED_FN void shutdown_write(std::error_code& ec, call_site where = call_site::here());
    /// Ends both sides, and announces that if it can be sent at once: whoever waits in read() or write_all() gets an
    /// error. Suspends: no.
    void shutdown() noexcept;
    /// No call on it may be under way. Announces nothing: the peer's read fails with tls_errc::truncated.
    void close() noexcept;

    explicit operator bool() const noexcept { return state_ != nullptr; }
    /// The underlying stream: for options and addresses.
    [[nodiscard]] stream& transport() noexcept;

    /// What was negotiated. protocol(): by ALPN; empty: none.
    [[nodiscard]] std::string_view protocol() const;
    [[nodiscard]] tls_version version() const;
    [[nodiscard]] std::string_view cipher() const;
    /// Whether a session was resumed.
    [[nodiscard]] bool resumed() const;
    /// The name that the client asked for; empty: none.
    [[nodiscard]] std::string_view server_name() const;
    /// The subject of the peer's certificate as RFC 2253 writes it ("CN=example.org"); empty: it sent none.
    [[nodiscard]] std::string peer_subject() const;
    /// For what has no function here, and does not read or write. Owned by the stream.
    [[nodiscard]] ssl_st* native() const noexcept;

private:
    struct state;
    explicit tls_stream(std::unique_ptr<state> s) noexcept;

    std::unique_ptr<state> state_;
};

}  // namespace weft

/// @cond
template <>
struct std::is_error_code_enum<weft::tls_errc> : std::true_type {};
/// @endcond
