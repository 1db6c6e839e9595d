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
// An end that the peer has not announced is no end but an error, tls_errc::truncated: whoever sits on the wire could have
// cut the stream off there. So announce yours, with shutdown_write(), before the stream goes.

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

/// What can go wrong with TLS, as far as a program may want to tell it apart. Its category is called "tls". What else
/// OpenSSL says comes in the category "openssl", what else it has against a certificate (X509_V_ERR_...) in "certificate".
enum class tls_errc {
    truncated = 1,              ///< The connection ended, and the peer had not said that it would.
    not_tls,                    ///< What came was something else.
    certificate_expired,        ///< Or one of those that vouch for it.
    certificate_not_yet_valid,  ///< Or one of those that vouch for it.
    host_name_mismatch,         ///< It is another host's certificate.
    self_signed,                ///< Nobody vouches for the certificate but itself, or one whom we do not trust.
    unknown_issuer,             ///< Who vouches for the certificate is not known here.
    certificate_missing,        ///< The client had to show one, and has none.
    no_common_protocol,         ///< None by ALPN.
    no_common_version           ///< Of TLS.
};
[[nodiscard]] std::error_code make_error_code(tls_errc e) noexcept;

enum class tls_version { tls1_2, tls1_3 };

/// What connections have in common: certificates, whom to trust, what to offer. A handle: copies mean the same. Set it up
/// before its first connection; from then on any threads may use it.
class tls_context {
public:
    /// For clients. They demand a certificate of the server that is valid, for the host's name, and vouched for by one
    /// whom the system trusts. Throws std::system_error. Suspends: no.
    [[nodiscard]] static tls_context client();
    /// The same, with those to trust in that PEM file alone.
    [[nodiscard]] static tls_context client(std::filesystem::path const& trusted);
    /// For servers, with their certificate, those that vouch for it after it, and its key: PEM files.
    /// Throws std::system_error that names the file. Suspends: no; it reads files.
    [[nodiscard]] static tls_context server(std::filesystem::path const& chain, std::filesystem::path const& key);

    /// What a client shows if it is asked; for servers the same as server() does.
    void use_certificate(std::filesystem::path const& chain, std::filesystem::path const& key);
    /// A server demands a certificate of each client, vouched for by one of those in that PEM file.
    void require_client_certificate(std::filesystem::path const& trusted);
    /// A client takes any certificate for good. Then TLS keeps no secret from whoever sits on the wire: for tests.
    void trust_anyone();

    /// Both included. At first from 1.2 on.
    void set_versions(tls_version least, tls_version most);

    /// ALPN: which protocols to offer, or, for a server, to accept; the best first. A server that finds none in common with
    /// what a client offers refuses it. Throws std::invalid_argument if a name is empty or longer than 255.
    void set_protocols(std::vector<std::string> const& names);

    /// A server with several names: `choose(name)` is called with the one that the client asks for, in lower case, and
    /// says whose certificate and protocols to use; nullptr: this one's. Threads: each one's own connections. It must not
    /// suspend, nor throw.
    void choose_by_name(std::function<tls_context const*(std::string_view name)> choose);

    /// For what has no function here. It stays the context's.
    [[nodiscard]] ssl_ctx_st* native() const noexcept { return context_.get(); }

private:
    explicit tls_context(bool for_server);
    void trust(std::filesystem::path const& trusted);

    std::shared_ptr<ssl_ctx_st> context_;
};

/// One connection. Moves, does not copy. When it goes, it closes the connection, without a word.
class tls_stream {
public:
    tls_stream() noexcept;
    tls_stream(tls_stream&& other) noexcept;
    tls_stream& operator=(tls_stream&& other) noexcept;
    ~tls_stream();

    /// The client's handshake. `host`: the name or the address, in digits, that the server's certificate has to bear.
    /// Sessions are taken up again: the context keeps the last one of each host. Throws std::system_error that names the
    /// host: tls_errc and the like, or invalid_argument if there is no name to look for. Suspends.
    [[nodiscard]] WEFT_MIXED_FN static tls_stream connect(stream over, tls_context const& context,
                                                          std::string const& host, call_site where = call_site::here());
    [[nodiscard]] WEFT_MIXED_FN static tls_stream connect(stream over, tls_context const& context,
                                                          std::string const& host, std::error_code& ec,
                                                          call_site where = call_site::here());
    /// The server's. Set a limit: a client may be silent. Suspends.
    [[nodiscard]] WEFT_MIXED_FN static tls_stream accept(stream over, tls_context const& context,
                                                         call_site where = call_site::here());
    [[nodiscard]] WEFT_MIXED_FN static tls_stream accept(stream over, tls_context const& context, std::error_code& ec,
                                                         call_site where = call_site::here());

    /// Reads what is there, at least one byte, at most the buffer. 0: the peer has announced its end. Never waits for the
    /// peer to read.
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, std::error_code& ec,
                                   call_site where = call_site::here());

    /// Writes all. Returns less only with an error: how much was encrypted by then. That can't be taken back: after a wait
    /// that was ended the next write sends what is left of it first, up to 64 KiB.
    WEFT_MIXED_FN void write_all(std::span<std::byte const> buffer, call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t write_all(std::span<std::byte const> buffer, std::error_code& ec,
                                        call_site where = call_site::here());

    /// Announces the end of what is written: the peer reads 0 after it. One's own reads go on. Suspends.
    WEFT_MIXED_FN void shutdown_write(call_site where = call_site::here());
    WEFT_MIXED_FN void shutdown_write(std::error_code& ec, call_site where = call_site::here());
    /// Ends both sides, announced if there is room: whoever waits in read() or write_all() gets an error. Suspends: no.
    void shutdown() noexcept;
    /// No call on it may be under way. Announces nothing: the peer finds it truncated.
    void close() noexcept;

    explicit operator bool() const noexcept { return state_ != nullptr; }
    /// The stream below: for options and addresses.
    [[nodiscard]] stream& transport() noexcept;

    /// What was agreed on. `protocol`: by ALPN; empty: none.
    [[nodiscard]] std::string_view protocol() const;
    [[nodiscard]] tls_version version() const;
    [[nodiscard]] std::string_view cipher() const;
    /// Whether a session was taken up again.
    [[nodiscard]] bool resumed() const;
    /// The name that the client asked for; empty: none.
    [[nodiscard]] std::string_view server_name() const;
    /// Whom the peer's certificate is for, as RFC 2253 writes it ("CN=example.org"); empty: it has shown none.
    [[nodiscard]] std::string peer_subject() const;
    /// For what has no function here, and does not read or write. It stays the stream's.
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
