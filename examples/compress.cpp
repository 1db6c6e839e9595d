// Compresses files with zlib, which knows nothing of coroutines and needs a processor for long: each call of it is offloaded to a
// thread, so that the loop is free to read, to write, and to draw how far all is.

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/file.hpp>
#include <weft/offload.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

constexpr char usage[] = R"(usage: example_compress FILE...

Compresses each FILE to FILE.gz, all at the same time, and draws a bar of how much is done on standard error.
)";

/// Blocks the thread. Appends to `out` what comes of `in`.
void deflate_some(z_stream& z, std::span<std::byte> in, bool last, std::vector<std::byte>& out) {
    z.next_in = reinterpret_cast<Bytef*>(in.data());
    z.avail_in = static_cast<uInt>(in.size());
    std::array<std::byte, 65536> piece;
    do {
        z.next_out = reinterpret_cast<Bytef*>(piece.data());
        z.avail_out = static_cast<uInt>(piece.size());
        deflate(&z, last ? Z_FINISH : Z_NO_FLUSH);
        out.insert(out.end(), piece.begin(), piece.end() - z.avail_out);
    } while (z.avail_out == 0);
}

void compress(std::string const& name, std::uint64_t& done) {
    weft::file from = weft::file::open(name, weft::file::mode::read);
    weft::file to = weft::file::open(name + ".gz", weft::file::mode::create_new);
    z_stream z{};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::runtime_error("zlib has no memory");
    }
    std::unique_ptr<z_stream, int (*)(z_stream*)> at_end(&z, deflateEnd);
    std::vector<std::byte> in(1 << 18), out;
    for (std::uint64_t read = 0, written = 0, n = in.size(); n == in.size(); read += n, written += out.size()) {
        n = from.read_at(in, read);
        out.clear();
        weft::offload([&] { deflate_some(z, std::span(in).first(n), n < in.size(), out); });
        to.write_all_at(out, written);
        done += n;
    }
}

void draw(std::uint64_t done, std::uint64_t all) {
    constexpr std::uint64_t width = 40;
    int filled = static_cast<int>(all == 0 ? width : std::min(done, all) * width / all);
    std::fprintf(stderr, "\r[%.*s%*s]", filled, "########################################", int{width} - filled, "");
}

void compress_all(std::vector<std::string> const& names) {
    std::uint64_t done = 0, all = 0;
    for (std::string const& name : names) {
        all += weft::file::open(name, weft::file::mode::read).size();
    }
    auto bar = weft::spawn([&] {
        for (;; weft::sleep_for(100ms)) {
            draw(done, all);
        }
    });
    weft::scope files;
    for (std::string const& name : names) {
        files.spawn([&] { compress(name, done); });
    }
    files.join();
    draw(all, all);
    std::fputs("\n", stderr);
}  // the bar's task is cancelled, and waited for

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> names(argv + 1, argv + argc);
    if (names.empty() || names.front() == "--help") {
        std::fputs(usage, names.empty() ? stderr : stdout);
        return names.empty() ? 2 : 0;
    }
    try {
        weft::run([&] { compress_all(names); });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "\ncompress: %s\n", e.what());
        return 1;
    }
}
