// Checksums of files, by a pool of workers on several loops. The channel of names holds so many and no more: who hands out the
// work waits while the workers are behind, and so does whoever writes to our standard input.

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>
#include <string>
#include <vector>
#include <weft/buffered.hpp>
#include <weft/channel.hpp>
#include <weft/file.hpp>
#include <weft/pipe.hpp>
#include <weft/runtime.hpp>

namespace {

constexpr char usage[] = R"(usage: example_workers [WORKERS [WAITING]]

Reads names of files from standard input, a line each, and prints the FNV-1a checksum of each as soon as it is known. WORKERS (4)
work at the same time; up to WAITING (16) names are read ahead.
)";

std::string checksum(std::string const& name) {
    std::uint64_t sum = 0xcbf2'9ce4'8422'2325;
    std::error_code ec;
    weft::file f = weft::file::open(name, weft::file::mode::read, ec);
    std::array<std::byte, 16384> buffer;
    for (std::uint64_t at = 0, n = 1; !ec && n > 0; at += n) {
        n = f.read_at(buffer, at, ec);
        for (std::byte b : std::span(buffer).first(n)) {
            sum = (sum ^ static_cast<std::uint64_t>(b)) * 0x100'0000'01b3;
        }
    }
    return ec ? name + ": " + ec.message() : std::to_string(sum) + "  " + name;
}

void work(unsigned long workers, std::size_t waiting) {
    weft::channel<std::string> names(waiting);
    weft::runtime loops;
    std::vector<weft::remote_task<void>> pool;
    for (unsigned long i = 0; i < workers; ++i) {
        pool.push_back(loops.spawn([&] {
            for (std::string const& name : names) {
                std::puts(checksum(name).c_str());
            }
        }));
    }
    weft::pipe_reader input(weft::descriptor(::dup(STDIN_FILENO)));
    weft::buffered_reader lines(input);
    while (auto name = lines.read_line()) {
        (void)names.send(std::string(*name));  // waits while there are enough
    }
    names.close();  // the workers do what is left, and end
    for (auto& worker : pool) {
        worker.join();
    }
}

}  // namespace

int main(int argc, char** argv) {
    unsigned long workers = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 4;
    unsigned long waiting = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 16;
    if (argc > 3 || workers == 0 || waiting == 0) {
        bool help = argc == 2 && argv[1] == std::string("--help");
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    try {
        weft::run([&] { work(workers, waiting); });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "workers: %s\n", e.what());
        return 1;
    }
}
