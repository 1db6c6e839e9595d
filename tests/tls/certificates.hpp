// Certificates for the tests, made while they run.

#pragma once

#include <gtest/gtest.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace certificates {

struct identity {
    std::shared_ptr<EVP_PKEY> key;
    std::shared_ptr<X509> certificate;
};

struct wanted {
    std::string subject = "example.org";
    std::string names = "DNS:example.org";  ///< As OpenSSL's configuration writes them; empty: none.
    int from_days = -1;
    int to_days = 1;
    bool authority = false;
};

inline void add_extension(X509& certificate, X509* issuer, int what, char const* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, &certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
    X509_add_ext(&certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/// Signed by `issuer`, or by itself.
inline identity make(wanted const& w, identity const* issuer = nullptr) {
    static long serial = 1;
    identity made{{EVP_EC_gen("P-256"), &EVP_PKEY_free}, {X509_new(), &X509_free}};
    X509* certificate = made.certificate.get();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_time_adj_ex(X509_getm_notBefore(certificate), w.from_days, 0, nullptr);
    X509_time_adj_ex(X509_getm_notAfter(certificate), w.to_days, 0, nullptr);
    X509_set_pubkey(certificate, made.key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<unsigned char const*>(w.subject.c_str()), -1, -1, 0);
    identity const& by = issuer != nullptr ? *issuer : made;
    X509_set_issuer_name(certificate, X509_get_subject_name(by.certificate.get()));
    add_extension(*certificate, by.certificate.get(), NID_basic_constraints,
                  w.authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!w.names.empty()) {
        add_extension(*certificate, by.certificate.get(), NID_subject_alt_name, w.names.c_str());
    }
    X509_sign(certificate, by.key.get(), EVP_sha256());
    return made;
}

struct files {
    std::filesystem::path chain;
    std::filesystem::path key;
};

/// NAME.pem and NAME.key in that folder.
inline files write(identity const& who, std::filesystem::path const& folder, std::string const& name) {
    files made{folder / (name + ".pem"), folder / (name + ".key")};
    using file = std::unique_ptr<FILE, int (*)(FILE*)>;
    file chain(std::fopen(made.chain.c_str(), "w"), &std::fclose);
    file key(std::fopen(made.key.c_str(), "w"), &std::fclose);
    EXPECT_EQ(PEM_write_X509(chain.get(), who.certificate.get()), 1);
    EXPECT_EQ(PEM_write_PrivateKey(key.get(), who.key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
    return made;
}

}  // namespace certificates
