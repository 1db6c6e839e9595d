// Floor: io
//
// OpenSSL works in memory here, and never waits: what came from the peer is put into `in`, what is to go there is taken out
// of `out`.
//
//     stream --pull()--> in --SSL_read()--> the reader          the writer --SSL_write()--> out --flush()--> stream
//                         |                                                                  ^
//                         +---- answers: alerts, new keys -----------------------------------+
//
// A reader and a writer may be at it at once. Each call into OpenSSL is over before anything suspends, so they do not meet
// there. Only the reader pulls: without renegotiation no write depends on the peer. Answers are what a read has to write:
// if a writer is flushing, it takes them along; else the reader sends what there is room for and leaves the rest to the next
// call. If it waited for room instead, two readers that do could wait for each other, and nobody would read.

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <vector>
#include <weft/tls.hpp>

#include "io/errors.hpp"
#include "io/tls/context_state.hpp"
#include "io/tls/errors.hpp"

namespace weft {
namespace {

constexpr std::size_t most_pulled = 16 << 10;
constexpr std::size_t most_in_record = SSL3_RT_MAX_PLAIN_LENGTH;
/// So much is encrypted before it is sent: a system call each record would cost more than a third again.
constexpr std::size_t most_at_once = 4 * most_in_record;

/// Whether the caller's waits are to end; then `ec` says why.
bool stopped(std::error_code& ec) {
    auto const& mine = detail::stop_of_caller();
    ec = !mine.asked()
             ? std::error_code()
             : std::make_error_code(mine.reason == detail::stop_reason::timed_out ? std::errc::timed_out
                                                                                  : std::errc::operation_canceled);
    return static_cast<bool>(ec);
}

bool is_gone(std::error_code const& ec) {
    return ec == std::errc::broken_pipe || ec == std::errc::connection_reset;
}

}  // namespace

struct tls_stream::state {
    state(stream s, tls_context const& context) : over(std::move(s)), ssl(SSL_new(context.native())) {
        BIO* both[] = {BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
        if (ssl == nullptr || both[0] == nullptr || both[1] == nullptr) {
            BIO_free(both[0]);
            BIO_free(both[1]);
            throw std::bad_alloc();
        }
        SSL_set_bio(ssl.get(), both[0], both[1]);  // they are its own now
        in = both[0];
        out = both[1];
    }

    WEFT_MIXED_FN void handshake(std::error_code& ec, call_site where);
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, std::error_code& ec, call_site where);
    WEFT_MIXED_FN std::size_t write_all(std::span<std::byte const> buffer, std::error_code& ec, call_site where);
    WEFT_MIXED_FN void flush(std::error_code& ec, call_site where);
    WEFT_MIXED_FN void pull(std::error_code& ec, call_site where);
    void send_at_once() noexcept;
    std::error_code name_the_server(tls_context const& context);
    std::error_code fail(int result);

    stream over;
    detail::openssl_pointer<SSL, SSL_free> ssl;
    BIO* in;
    BIO* out;
    std::string host;
    std::error_code failed;          ///< OpenSSL has given up on the connection.
    std::vector<std::byte> sending;  ///< Was taken out of `out`, and has not gone.
    bool flushing = false;

private:
    bool take_out();
};

/// What the server has to be called. A client that trusts anyone does not look for it.
std::error_code tls_stream::state::name_the_server(tls_context const& context) {
    if (host.ends_with('.')) {
        host.pop_back();
    }
    bool looks = SSL_get_verify_mode(ssl.get()) != SSL_VERIFY_NONE;
    if (host.empty()) {
        return looks ? std::make_error_code(std::errc::invalid_argument) : std::error_code();
    }
    ERR_clear_error();
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str()) != 1) {
        ERR_clear_error();
        SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (SSL_set1_host(ssl.get(), host.c_str()) != 1 || SSL_set_tlsext_host_name(ssl.get(), host.c_str()) != 1) {
            return detail::take_openssl_error();
        }
    }
    if (looks) {  // a session that nobody has looked at is not for those who do
        detail::set_host(*ssl, host);
        if (auto session = detail::take_session(*context.native(), host)) {
            SSL_set_session(ssl.get(), session.get());
        }
    }
    return {};
}

/// Why a call of OpenSSL's that returned `result` did not succeed. No error: it needs more from the peer.
std::error_code tls_stream::state::fail(int result) {
    switch (SSL_get_error(ssl.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return {};
        case SSL_ERROR_SSL:
            if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
                failed = detail::certificate_error(SSL_get_verify_result(ssl.get()));
                ERR_clear_error();
                break;
            }
            [[fallthrough]];
        default:
            failed = detail::take_openssl_error();
    }
    send_at_once();  // the alert
    return failed;
}

void tls_stream::state::handshake(std::error_code& ec, call_site where) {
    for (int result = 0; result <= 0;) {
        ERR_clear_error();
        result = SSL_do_handshake(ssl.get());
        if (result <= 0 && (ec = fail(result))) {
            return;
        }
        flush(ec, where);
        if (is_gone(ec)) {  // but what it said before may tell why, or, after the handshake, be all that it had to say
            ec.clear();
        }
        if (ec || result > 0) {
            return;
        }
        pull(ec, where);
        if (ec) {
            return;
        }
    }
}

std::size_t tls_stream::state::read(std::span<std::byte> buffer, std::error_code& ec, call_site where) {
    if (stopped(ec) || buffer.empty()) {
        return 0;
    }
    while (!(ec = failed)) {
        std::size_t n = 0;
        ERR_clear_error();
        int result = SSL_read_ex(ssl.get(), buffer.data(), buffer.size(), &n);
        if (result == 1) {
            return n;
        }
        if (SSL_get_error(ssl.get(), result) == SSL_ERROR_ZERO_RETURN || (ec = fail(result))) {
            return 0;
        }
        send_at_once();
        pull(ec, where);
        if (ec) {
            return 0;
        }
    }
    return 0;
}

std::size_t tls_stream::state::write_all(std::span<std::byte const> buffer, std::error_code& ec, call_site where) {
    if (stopped(ec) || (ec = failed)) {
        return 0;
    }
    if ((SSL_get_shutdown(ssl.get()) & SSL_SENT_SHUTDOWN) != 0) {
        ec = std::make_error_code(std::errc::broken_pipe);
        return 0;
    }
    flush(ec, where);  // what a write left that was ended
    std::size_t done = 0;
    while (!ec && done < buffer.size()) {
        std::size_t end = done + std::min(buffer.size() - done, most_at_once);
        while (done < end) {
            std::size_t n = 0;
            ERR_clear_error();
            int result = SSL_write_ex(ssl.get(), buffer.data() + done, std::min(end - done, most_in_record), &n);
            if (result != 1) {
                ec = fail(result);
                ec = ec ? ec : std::make_error_code(std::errc::protocol_error);
                return done;
            }
            done += n;
        }
        flush(ec, where);
    }
    return done;
}

/// Whether there is something to send.
bool tls_stream::state::take_out() {
    if (sending.empty()) {
        sending.resize(BIO_ctrl_pending(out));
        if (!sending.empty()) {
            BIO_read(out, sending.data(), static_cast<int>(sending.size()));
        }
    }
    return !sending.empty();
}

/// Sends all that there is, also what comes to it meanwhile.
void tls_stream::state::flush(std::error_code& ec, call_site where) {
    struct at_end {
        bool& flushing;
        ~at_end() { flushing = false; }
    } over_then{flushing = true};
    ec.clear();
    while (!ec && take_out()) {
        std::size_t n = over.write_all(sending, ec, where);
        sending.erase(sending.begin(), sending.begin() + static_cast<std::ptrdiff_t>(n));
    }
}

/// Sends what there is room for.
void tls_stream::state::send_at_once() noexcept {
    if (flushing || !take_out()) {
        return;
    }
    ssize_t n = ::send(over.fd(), sending.data(), sending.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    sending.erase(sending.begin(), sending.begin() + std::max<ssize_t>(n, 0));
}

/// Gets something from the peer.
void tls_stream::state::pull(std::error_code& ec, call_site where) {
    auto bytes = std::make_unique_for_overwrite<std::byte[]>(most_pulled);
    std::size_t n = over.read({bytes.get(), most_pulled}, ec, where);
    if (n > 0) {
        BIO_write(in, bytes.get(), static_cast<int>(n));
    } else if (!ec) {
        ec = tls_errc::truncated;
    }
}

// ---- the stream -----------------------------------------------------------------------------------------------------

tls_stream::tls_stream() noexcept = default;
tls_stream::tls_stream(tls_stream&& other) noexcept = default;
tls_stream& tls_stream::operator=(tls_stream&& other) noexcept = default;
tls_stream::~tls_stream() = default;
tls_stream::tls_stream(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}

tls_stream tls_stream::connect(stream over, tls_context const& context, std::string const& host, std::error_code& ec,
                               call_site where) {
    auto made = std::make_unique<state>(std::move(over), context);
    made->host = host;
    SSL_set_connect_state(made->ssl.get());
    ec = made->name_the_server(context);
    if (!ec) {
        made->handshake(ec, where);
    }
    return ec ? tls_stream() : tls_stream(std::move(made));
}

tls_stream tls_stream::connect(stream over, tls_context const& context, std::string const& host, call_site where) {
    std::error_code ec;
    tls_stream made = connect(std::move(over), context, host, ec, where);
    if (ec) {
        throw std::system_error(ec, "TLS handshake with \"" + host + "\"");
    }
    return made;
}

tls_stream tls_stream::accept(stream over, tls_context const& context, std::error_code& ec, call_site where) {
    auto made = std::make_unique<state>(std::move(over), context);
    SSL_set_accept_state(made->ssl.get());
    made->handshake(ec, where);
    return ec ? tls_stream() : tls_stream(std::move(made));
}

tls_stream tls_stream::accept(stream over, tls_context const& context, call_site where) {
    std::error_code ec;
    tls_stream made = accept(std::move(over), context, ec, where);
    if (ec) {
        throw std::system_error(ec, "TLS handshake with a client");
    }
    return made;
}

std::size_t tls_stream::read(std::span<std::byte> buffer, std::error_code& ec, call_site where) {
    return state_->read(buffer, ec, where);
}

std::size_t tls_stream::read(std::span<std::byte> buffer, call_site where) {
    return detail::or_throw("read", [&](auto& ec) { return read(buffer, ec, where); });
}

std::size_t tls_stream::write_all(std::span<std::byte const> buffer, std::error_code& ec, call_site where) {
    return state_->write_all(buffer, ec, where);
}

void tls_stream::write_all(std::span<std::byte const> buffer, call_site where) {
    detail::or_throw("write", [&](auto& ec) { return write_all(buffer, ec, where); });
}

void tls_stream::shutdown_write(std::error_code& ec, call_site where) {
    if (stopped(ec) || (ec = state_->failed)) {
        return;
    }
    ERR_clear_error();
    int result = SSL_shutdown(state_->ssl.get());
    if (result < 0 && (ec = state_->fail(result))) {
        return;
    }
    state_->flush(ec, where);
}

void tls_stream::shutdown_write(call_site where) {
    detail::or_throw("shutdown", [&](auto& ec) { shutdown_write(ec, where); });
}

void tls_stream::shutdown() noexcept {
    if (!state_->failed) {
        ERR_clear_error();
        SSL_shutdown(state_->ssl.get());
        state_->send_at_once();
    }
    state_->over.shutdown();
}

void tls_stream::close() noexcept {
    state_.reset();
}

stream& tls_stream::transport() noexcept {
    return state_->over;
}

std::string_view tls_stream::protocol() const {
    unsigned char const* name = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(native(), &name, &length);
    return {reinterpret_cast<char const*>(name), length};
}

tls_version tls_stream::version() const {
    return SSL_version(native()) == TLS1_2_VERSION ? tls_version::tls1_2 : tls_version::tls1_3;
}

std::string_view tls_stream::cipher() const {
    return SSL_get_cipher_name(native());
}

bool tls_stream::resumed() const {
    return SSL_session_reused(native()) == 1;
}

std::string_view tls_stream::server_name() const {
    char const* name = SSL_get_servername(native(), TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
}

std::string tls_stream::peer_subject() const {
    detail::openssl_pointer<X509, X509_free> certificate(SSL_get1_peer_certificate(native()));
    if (certificate == nullptr) {
        return {};
    }
    detail::openssl_pointer<BIO, BIO_free_all> text(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate.get()), 0, XN_FLAG_RFC2253);
    char* bytes = nullptr;
    auto length = static_cast<std::size_t>(BIO_get_mem_data(text.get(), &bytes));
    return {bytes, length};
}

ssl_st* tls_stream::native() const noexcept {
    return state_->ssl.get();
}

}  // namespace weft
