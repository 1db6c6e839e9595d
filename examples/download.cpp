// Downloads files over HTTP/1.1, several at a time, with a bar that shows how far it is.

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/directory.hpp>
#include <weft/when.hpp>

#include "http_client.hpp"

namespace {

constexpr char usage[] = R"(usage: example_download DIRECTORY http://HOST[:PORT]/PATH...

Downloads the files into DIRECTORY, four at a time. Servers may be silent for 30 seconds. Exit codes: 0 all files are there,
1 some are not, because of an error, SIGINT or SIGTERM, 2 a wrong command line.
)";

/// Throws std::invalid_argument.
std::vector<http::download> parse(char** urls) {
    std::vector<http::download> all;
    std::set<std::string> names;
    for (; *urls != nullptr; ++urls) {
        all.push_back({.from = http::parse_url(*urls)});
        if (std::string const& name = all.back().from.name; !names.insert(name).second) {
            throw std::invalid_argument("two of the files would be called " + name);
        }
    }
    return all;
}

void fetch_all(std::vector<http::download>& all, weft::directory const& into) {
    auto next = all.begin();  // no lock: between two waits a coroutine has all to itself
    weft::scope four;
    for (int i = 0; i < 4; ++i) {
        four.spawn([&] {
            while (next != all.end()) {
                http::fetch(*next++, into);
            }
        });
    }
    four.join();
}

/// Until it is cancelled.
void show(std::vector<http::download> const& all) {
    for (;; weft::sleep_for(std::chrono::milliseconds(100))) {
        std::uint64_t done = 0, size = 0;
        for (http::download const& d : all) {
            done += d.done;
            size += d.what.size;
        }
        std::string bar(size > 0 ? 40 * done / size : 0, '#');
        std::fprintf(stderr, "[%-40s] %.1f of %.1f MB\r", bar.c_str(), 1e-6 * double(done), 1e-6 * double(size));
    }
}

/// Returns whether all are complete.
bool report(std::vector<http::download> const& all) {
    bool complete = true;
    for (http::download const& d : all) {
        if (!d.failure.empty()) {
            std::fprintf(stderr, "download: %s: %s\n", d.from.name.c_str(), d.failure.c_str());
            complete = false;
        }
    }
    return complete;
}

}  // namespace

int main(int argc, char** argv) {
    bool help = argc == 2 && argv[1] == std::string("--help");
    if (help || argc < 3) {
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    try {
        weft::signals stop({SIGINT, SIGTERM});
        std::vector<http::download> all = parse(argv + 2);
        weft::run([&] {
            weft::directory into = weft::directory::open(argv[1]);
            auto showing = isatty(STDERR_FILENO) == 1 ? weft::spawn([&] { show(all); }) : weft::task<void>();
            weft::task<void> fetching = weft::spawn([&] { fetch_all(all, into); });
            weft::select(weft::when::arrived(stop), weft::when::ended(fetching));
        });  // what is under way is cancelled, and waited for
        return report(all) ? 0 : 1;
    } catch (std::invalid_argument const& e) {
        std::fprintf(stderr, "download: %s\n", e.what());
        return 2;
    } catch (std::exception const& e) {
        std::fprintf(stderr, "download: %s\n", e.what());
        return 1;
    }
}
