// The most frequent words of a text, by three stages that channels join. The end goes down the line as a close.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <weft/buffered.hpp>
#include <weft/channel.hpp>
#include <weft/pipe.hpp>
#include <weft/task.hpp>

namespace {

constexpr char usage[] = R"(usage: example_pipeline [N]

Prints the N (10) most frequent words of standard input, each behind how often it is there.
)";

void read_lines(weft::channel<std::string>& lines) {
    weft::pipe_reader input(weft::descriptor(::dup(STDIN_FILENO)));
    weft::buffered_reader text(input);
    while (auto line = text.read_line(1 << 20)) {
        (void)lines.send(std::string(*line));
    }
    lines.close();
}

void split(weft::channel<std::string>& lines, weft::channel<std::string>& words) {
    for (std::string const& line : lines) {
        std::istringstream text(line);
        for (std::string word; text >> word;) {
            (void)words.send(std::move(word));
        }
    }
    words.close();
}

void print_most_frequent(weft::channel<std::string>& words, std::size_t how_many) {
    std::map<std::string, int> counts;
    for (std::string& word : words) {
        ++counts[std::move(word)];
    }
    std::multimap<int, std::string, std::greater<>> most_first;
    for (auto& [word, count] : counts) {
        most_first.emplace(count, word);
    }
    for (auto i = most_first.begin(); i != most_first.end() && how_many > 0; ++i, --how_many) {
        std::printf("%d %s\n", i->first, i->second.c_str());
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t how_many = argc == 2 ? std::strtoul(argv[1], nullptr, 10) : 10;
    if (argc > 2 || how_many == 0) {
        bool help = argc == 2 && argv[1] == std::string("--help");
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    try {
        weft::run([&] {
            weft::channel<std::string> lines(64), words(64);
            weft::scope stages;  // the failure of one ends the others
            stages.spawn([&] { read_lines(lines); });
            stages.spawn([&] { split(lines, words); });
            stages.spawn([&] { print_most_frequent(words, how_many); });
            stages.join();
        });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "pipeline: %s\n", e.what());
        return 1;
    }
}
