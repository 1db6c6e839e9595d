// Finds the TCP ports of this machine that somebody listens on. A fixed number of coroutines take the ports in turn.

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <set>
#include <string>
#include <system_error>
#include <weft/limit.hpp>
#include <weft/tcp.hpp>
#include <weft/when.hpp>

namespace {

constexpr char usage[] = R"(usage: example_scan [FIRST LAST [ADDRESS [AT_ONCE]]]

Prints the TCP ports of this machine that somebody listens on: those from FIRST to LAST (1 to 65535) of ADDRESS (127.0.0.1),
which has to be one of loopback. AT_ONCE (64) are tried at the same time, each for up to a second.
Exit codes: 0 all were tried; 1 they were not, because of an error, SIGINT or SIGTERM; 2 a wrong command line.
)";

struct wanted {
    int first = 1;
    int last = 65535;
    std::string address = "127.0.0.1";
    int at_once = 64;
};

/// Whether somebody listens there.
bool answers(weft::endpoint const& address) {
    std::error_code ec;
    auto s = weft::with_limit(std::chrono::seconds(1), [&] { return weft::tcp_stream::connect(address, ec); });
    if (ec == std::errc::connection_refused || ec == std::errc::timed_out) {
        return false;
    }
    if (ec) {
        throw std::system_error(ec, "cannot try " + address.text());
    }
    return s.local() != s.peer();  // or else it has met itself: TCP connects to the very port that it comes from
}

std::set<int> scan(wanted const& w) {
    std::set<int> open;
    int next = w.first;  // no lock: between two waits a coroutine has all to itself
    weft::scope scanners;
    for (int i = 0; i < w.at_once; ++i) {
        scanners.spawn([&] {
            while (next <= w.last) {
                int port = next++;
                if (answers(weft::endpoint::ip(w.address, static_cast<std::uint16_t>(port)))) {
                    open.insert(port);
                }
            }
        });
    }
    scanners.join();
    return open;
}

/// 0: the text is not a number, or too large for one.
int number(char const* text) {
    int value = 0;
    char const* end = text + std::strlen(text);
    auto [rest, error] = std::from_chars(text, end, value);
    return error == std::errc() && rest == end ? value : 0;
}

/// False: this is no command line.
bool parse(int argc, char** argv, wanted& w) {
    if (argc > 5 || argc == 2) {
        return false;
    }
    if (argc > 2) {
        w.first = number(argv[1]);
        w.last = number(argv[2]);
    }
    w.address = argc > 3 ? argv[3] : w.address;
    w.at_once = argc > 4 ? number(argv[4]) : w.at_once;
    bool loopback = w.address.starts_with("127.") || w.address == "::1";
    return w.first > 0 && w.first <= w.last && w.last <= 65535 && w.at_once > 0 && loopback;
}

}  // namespace

int main(int argc, char** argv) {
    wanted w;
    bool help = argc == 2 && argv[1] == std::string("--help");
    if (!parse(argc, argv, w)) {
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    try {
        weft::signals stop({SIGINT, SIGTERM});
        return weft::run([&] {
            std::fprintf(stderr, "scan: trying %s, ports %d to %d\n", w.address.c_str(), w.first, w.last);
            weft::task<std::set<int>> scanning = weft::spawn([&] { return scan(w); });
            weft::select(weft::when::arrived(stop), weft::when::ended(scanning));
            if (!scanning.done()) {
                std::fputs("scan: stopped before all were tried\n", stderr);
                return 1;
            }
            for (int port : scanning.join()) {
                std::printf("%d\n", port);
            }
            return 0;
        });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "scan: %s\n", e.what());
        return 1;
    }
}
