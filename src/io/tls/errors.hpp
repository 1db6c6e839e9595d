// Floor: io
//
// What OpenSSL says, as a std::error_code. Its queue of errors belongs to the thread: it is read right after the call that
// filled it, before anything suspends.

#pragma once

#include <string>
#include <system_error>

namespace weft::detail {

/// The oldest error of the queue, which is emptied.
[[nodiscard]] std::error_code take_openssl_error();

/// What is wrong with a certificate: X509_V_ERR_...
[[nodiscard]] std::error_code certificate_error(long why);

/// Throws the oldest error of the queue, which is emptied.
[[noreturn]] void refuse_tls(std::string const& what);

}  // namespace weft::detail
