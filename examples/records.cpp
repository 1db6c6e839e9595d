// A parser that is fed in pieces, as they come from a pipe or a socket. It reads as if it had all of the text: when a piece is
// used up it waits, wherever it is, for the next.

#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <weft/coroutine.hpp>

namespace {

std::string_view piece;      // what is left of it
long at = 0, record_at = 0;  // bytes of the input

char next() {
    while (piece.empty()) {
        weft::yield();  // to main()
    }
    char c = piece.front();
    piece.remove_prefix(1);
    ++at;
    return c;
}

void check(bool right, char const* wanted) {
    if (!right) {
        throw std::runtime_error(std::string("expected ") + wanted + " at byte " + std::to_string(at));
    }
}

/// Netstrings, as "5:hello,3:and," (https://cr.yp.to/proto/netstrings.txt): prints each on a line.
void parse() {
    for (;; record_at = at) {
        std::size_t length = 0;
        for (char c; (c = next()) != ':'; length = length * 10 + static_cast<std::size_t>(c - '0')) {
            check(c >= '0' && c <= '9' && length < 100'000, "a length of up to 999999 and ':'");
        }
        std::string record;
        while (record.size() < length) {
            record += next();
        }
        check(next() == ',', "','");
        std::puts(record.c_str());
    }
}

}  // namespace

int main() try {
    weft::coroutine parser({.name = "parser"}, parse);
    char buffer[7];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0; parser.enter()) {
        piece = {buffer, n};
    }
    check(at == record_at, "the end of the record");
} catch (std::runtime_error const& e) {
    std::fprintf(stderr, "records: %s\n", e.what());
    return 1;
}
