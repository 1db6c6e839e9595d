// Floor: io

#include "io/tls/errors.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <cerrno>
#include <weft/tls.hpp>

namespace weft {
namespace {

class tls_category_type final : public std::error_category {
public:
    [[nodiscard]] char const* name() const noexcept override { return "tls"; }
    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<tls_errc>(value)) {
            case tls_errc::truncated:
                return "the connection ended, and the peer had not announced that: what came may have been cut off";
            case tls_errc::not_tls:
                return "what the peer sent is not TLS";
            case tls_errc::certificate_expired:
                return "the certificate, or one that vouches for it, has expired";
            case tls_errc::certificate_not_yet_valid:
                return "the certificate, or one that vouches for it, is not valid yet";
            case tls_errc::host_name_mismatch:
                return "the certificate is for another host";
            case tls_errc::self_signed:
                return "nobody vouches for the certificate but itself, or one that is not trusted";
            case tls_errc::unknown_issuer:
                return "who vouches for the certificate is not known";
            case tls_errc::certificate_missing:
                return "the peer has shown no certificate";
            case tls_errc::no_common_protocol:
                return "no protocol in common (ALPN)";
            case tls_errc::no_common_version:
                return "no version of TLS in common";
        }
        return "unknown error " + std::to_string(value);
    }
};

/// Values as ERR_get_error() packs them; 32 bits.
class openssl_category_type final : public std::error_category {
public:
    [[nodiscard]] char const* name() const noexcept override { return "openssl"; }
    [[nodiscard]] std::string message(int value) const override {
        char const* reason = ERR_reason_error_string(static_cast<unsigned>(value));
        return reason != nullptr ? reason : "unknown error " + std::to_string(value);
    }
};

class certificate_category_type final : public std::error_category {
public:
    [[nodiscard]] char const* name() const noexcept override { return "certificate"; }
    [[nodiscard]] std::string message(int value) const override { return X509_verify_cert_error_string(value); }
};

tls_category_type const tls_category;
openssl_category_type const openssl_category;
certificate_category_type const certificate_category;

std::error_code code_of(unsigned long error) {
    if (error == 0) {
        return std::make_error_code(std::errc::protocol_error);  // it failed and does not say why
    }
    if (ERR_SYSTEM_ERROR(error)) {
        return {ERR_GET_REASON(error), std::generic_category()};
    }
    if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
        switch (ERR_GET_REASON(error)) {
            case SSL_R_WRONG_VERSION_NUMBER:
            case SSL_R_UNKNOWN_PROTOCOL:
            case SSL_R_HTTP_REQUEST:
            case SSL_R_HTTPS_PROXY_REQUEST:
            case SSL_R_BAD_RECORD_TYPE:
                return tls_errc::not_tls;
            case SSL_R_NO_APPLICATION_PROTOCOL:
            case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
                return tls_errc::no_common_protocol;
            case SSL_R_UNSUPPORTED_PROTOCOL:
            case SSL_R_NO_PROTOCOLS_AVAILABLE:
            case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
                return tls_errc::no_common_version;
            case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
                return tls_errc::certificate_missing;
            default:
                break;
        }
    }
    return {static_cast<int>(error), openssl_category};
}

}  // namespace

std::error_code make_error_code(tls_errc e) noexcept {
    return {static_cast<int>(e), tls_category};
}

namespace detail {

std::error_code take_openssl_error() {
    unsigned long oldest = ERR_get_error();
    ERR_clear_error();
    return code_of(oldest);
}

std::error_code certificate_error(long why) {
    switch (why) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return tls_errc::certificate_expired;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return tls_errc::certificate_not_yet_valid;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return tls_errc::host_name_mismatch;
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return tls_errc::self_signed;
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return tls_errc::unknown_issuer;
        default:
            return {static_cast<int>(why), certificate_category};
    }
}

void refuse_tls(std::string const& what) {
    throw std::system_error(take_openssl_error(), what);
}

}  // namespace detail
}  // namespace weft
