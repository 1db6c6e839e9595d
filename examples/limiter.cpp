// Copies lines no faster than it is told: a rate limiter made of a semaphore, whose units a timer brings.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <weft/buffered.hpp>
#include <weft/pipe.hpp>
#include <weft/semaphore.hpp>
#include <weft/task.hpp>

namespace {

constexpr char usage[] = R"(usage: example_limiter LINES_A_SECOND [BURST]

Copies standard input to standard output: BURST (1) lines at once, and from then on LINES_A_SECOND. What was not used is kept for
later, up to BURST lines.
)";

/// Lets so many pass a second. Those that wait pass in the order in which they came; they may be on any thread.
class rate_limiter {
public:
    rate_limiter(std::int64_t a_second, std::int64_t burst)
        : interval_(std::chrono::nanoseconds(1'000'000'000 / a_second)), burst_(burst), passes_(burst, burst) {}

    void pass() { passes_.acquire(); }

private:
    /// Until it is cancelled, by the limiter's end.
    void bring_passes() {
        for (auto next = weft::clock::now() + interval_;; next += interval_) {
            weft::sleep_until(next);  // at once if the loop was busy for longer
            if (passes_.available() < burst_) {
                passes_.release();
            }
        }
    }

    std::chrono::nanoseconds interval_;
    std::int64_t burst_;
    weft::semaphore passes_;
    weft::task<void> bringer_ = weft::spawn([this] { bring_passes(); });
};

void copy_lines(rate_limiter& limiter) {
    weft::pipe_reader input(weft::descriptor(::dup(STDIN_FILENO)));
    weft::pipe_writer output(weft::descriptor(::dup(STDOUT_FILENO)));
    weft::buffered_reader text(input);
    while (auto line = text.read_line()) {
        limiter.pass();
        output.write_all(weft::bytes_of(std::string(*line) + '\n'));
    }
}

}  // namespace

int main(int argc, char** argv) {
    long a_second = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 0;
    long burst = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 1;
    if (argc > 3 || a_second <= 0 || a_second > 1'000'000 || burst <= 0) {
        bool help = argc == 2 && argv[1] == std::string("--help");
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    try {
        weft::run([&] {
            rate_limiter limiter(a_second, burst);
            copy_lines(limiter);
        });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "limiter: %s\n", e.what());
        return 1;
    }
}
