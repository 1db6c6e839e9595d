// The smallest user of the installed TLS component: exits with 0 if a client's context can be had.

#include <weft/tls.hpp>

int main() {
    return weft::tls_context::client().native() != nullptr ? 0 : 1;
}
