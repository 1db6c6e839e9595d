// Floor: io
//
// What a tls_context has beside OpenSSL's SSL_CTX. It hangs on that, and goes with it, as connections keep it too.

#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace weft {
class tls_context;
}

namespace weft::detail {

/// An owner of what OpenSSL makes.
template <class T, void (*Free)(T*)>
struct openssl_free {
    void operator()(T* t) const { Free(t); }
};
template <class T, void (*Free)(T*)>
using openssl_pointer = std::unique_ptr<T, openssl_free<T, Free>>;

using session_pointer = openssl_pointer<SSL_SESSION, SSL_SESSION_free>;

struct context_state {
    std::vector<unsigned char> protocols;  ///< As ALPN writes them: each after its length.
    std::function<tls_context const*(std::string_view)> choose;

    /// A client's: the last session of each host. Connections of all threads come here.
    std::mutex mutex;
    std::map<std::string, session_pointer, std::less<>> sessions;
};

/// Hangs a state on a new context.
void attach_state(SSL_CTX& context);
[[nodiscard]] context_state& state_of(SSL_CTX const& context);

/// A client keeps its sessions, and those of a connection are the host's.
void keep_sessions(SSL_CTX& context);
void set_host(SSL& connection, std::string const& host);
/// Takes it out: a ticket shown twice would tell a listener that it is the same client. None: nullptr.
[[nodiscard]] session_pointer take_session(SSL_CTX const& context, std::string_view host);

}  // namespace weft::detail
