// Random reads of 4 KiB, by as many coroutines as the queue is deep:
//
//     bench_file FILE --depth N --direct 0|1 --seconds S
//
// Prints one line of JSON: reads, seconds, CPU seconds.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <weft/file.hpp>
#include <weft/task.hpp>

namespace {

constexpr std::size_t block = 4096;

struct arguments {
    char const* path = nullptr;
    std::size_t depth = 1;
    bool direct = false;
    double seconds = 1;
};

arguments read(int argc, char** argv) {
    arguments a;
    a.path = argc > 1 ? argv[1] : "";
    for (int i = 2; i + 1 < argc; i += 2) {
        std::string name = argv[i];
        double value = std::atof(argv[i + 1]);
        if (name == "--depth") {
            a.depth = static_cast<std::size_t>(value);
        } else if (name == "--direct") {
            a.direct = value != 0;
        } else if (name == "--seconds") {
            a.seconds = value;
        } else {
            std::cerr << "bench_file: there is no " << name << "\n";
            std::exit(2);
        }
    }
    return a;
}

double cpu_seconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    auto seconds = [](timeval const& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void read_at_random(weft::file& from, std::uint64_t blocks, std::size_t seed, bool const& over, std::size_t& reads) {
    std::unique_ptr<std::byte, decltype(&std::free)> buffer(static_cast<std::byte*>(std::aligned_alloc(block, block)),
                                                            &std::free);
    std::minstd_rand random(static_cast<unsigned>(seed) + 1);
    while (!over) {
        std::uint64_t which = random() % blocks;
        if (from.read_at(std::span(buffer.get(), block), which * block) != block) {
            std::cerr << "bench_file: a read was short\n";
            std::exit(1);
        }
        ++reads;
    }
}

}  // namespace

int main(int argc, char** argv) {
    arguments a = read(argc, argv);
    int fd = ::open(a.path, O_RDONLY | O_CLOEXEC | (a.direct ? O_DIRECT : 0));
    if (fd < 0) {
        std::perror(a.path);
        return 1;
    }
    weft::run([&] {
        weft::file from{weft::descriptor(fd)};
        std::uint64_t blocks = from.size() / block;
        bool over = false;
        std::size_t reads = 0;
        weft::scope readers;
        auto began = weft::clock::now();
        double cpu = cpu_seconds();
        for (std::size_t i = 0; i < a.depth; ++i) {
            readers.spawn([&, i] { read_at_random(from, blocks, i, over, reads); });
        }
        weft::sleep_for(std::chrono::duration_cast<weft::clock::duration>(std::chrono::duration<double>(a.seconds)));
        over = true;
        readers.join();
        std::chrono::duration<double> seconds = weft::clock::now() - began;
        std::cout << "{\"reads\": " << reads << ", \"seconds\": " << seconds.count()
                  << ", \"cpu\": " << cpu_seconds() - cpu << "}\n";
    });
}
