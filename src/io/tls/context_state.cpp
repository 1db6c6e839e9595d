// Floor: io

#include "io/tls/context_state.hpp"

#include <new>

namespace weft::detail {
namespace {

constexpr std::size_t most_sessions = 256;

void free_state(void*, void* state, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<context_state*>(state);
}

int state_index() {
    static int const index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_state);
    return index;
}

int host_index() {
    static int const index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

/// OpenSSL has a new session of a connection. Returns 1 if it is kept.
int keep_session(SSL* connection, SSL_SESSION* session) {
    auto const* host = static_cast<std::string const*>(SSL_get_ex_data(connection, host_index()));
    if (host == nullptr || host->empty()) {
        return 0;
    }
    context_state& state = state_of(*SSL_get_SSL_CTX(connection));
    std::lock_guard lock(state.mutex);
    if (state.sessions.size() >= most_sessions && !state.sessions.contains(*host)) {
        state.sessions.erase(state.sessions.begin());
    }
    state.sessions[*host] = session_pointer(session);
    return 1;
}

}  // namespace

void attach_state(SSL_CTX& context) {
    auto state = std::make_unique<context_state>();
    if (SSL_CTX_set_ex_data(&context, state_index(), state.get()) != 1) {
        throw std::bad_alloc();
    }
    (void)state.release();
}

context_state& state_of(SSL_CTX const& context) {
    return *static_cast<context_state*>(SSL_CTX_get_ex_data(&context, state_index()));
}

void keep_sessions(SSL_CTX& context) {
    SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(&context, &keep_session);
}

void set_host(SSL& connection, std::string const& host) {
    SSL_set_ex_data(&connection, host_index(), const_cast<std::string*>(&host));
}

session_pointer take_session(SSL_CTX const& context, std::string_view host) {
    context_state& state = state_of(context);
    std::lock_guard lock(state.mutex);
    auto found = state.sessions.find(host);
    if (found == state.sessions.end()) {
        return nullptr;
    }
    session_pointer session = std::move(found->second);
    state.sessions.erase(found);
    return session;
}

}  // namespace weft::detail
