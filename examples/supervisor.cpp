// A supervisor: keeps shell commands going. One that fails, or takes longer than it may, is started again, after a pause that
// doubles; one that does so too often is given up, and the others are stopped. Each command has a task that reads as if it were alone.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/limit.hpp>
#include <weft/process.hpp>
#include <weft/task.hpp>

namespace {

constexpr char usage[] = R"(usage: example_supervisor MILLISECONDS TIMES COMMAND...

Runs each COMMAND by sh, all at the same time. One that fails, or has not ended after so many milliseconds (then it is killed), is
started again. After TIMES vain starts of one, all are stopped, and the program fails.
)";

struct terms {
    std::chrono::milliseconds deadline;
    unsigned long times;
};

/// Returns how it ended, or none if it took too long: then ~process has killed it and waited for it.
std::optional<weft::exit_status> run_once(std::string const& command, std::chrono::milliseconds deadline) {
    std::optional<weft::exit_status> status;
    weft::within(deadline, [&] { status = weft::process::spawn({"sh", "-c", command}).wait(); });
    return status;
}

void keep_going(std::string const& command, terms const& t) {
    std::chrono::milliseconds pause(10);
    for (unsigned long vain = 0; vain < t.times; ++vain, pause *= 2) {
        if (vain > 0) {
            weft::sleep_for(pause);
        }
        auto status = run_once(command, t.deadline);
        std::string how = status ? status->text() : "killed: it took too long";
        std::printf("%s: %s\n", command.c_str(), how.c_str());
        if (status && status->success()) {
            return;
        }
    }
    throw std::runtime_error(command + ": given up");
}

void supervise(std::vector<std::string> const& commands, terms const& t) {
    weft::scope all;
    for (std::string const& command : commands) {
        all.spawn({.name = command}, [&] { keep_going(command, t); });
    }
    all.join();  // throws what the first threw, once the others were cancelled and have ended, and so their processes
}

}  // namespace

int main(int argc, char** argv) {
    bool help = argc == 2 && argv[1] == std::string("--help");
    terms t{std::chrono::milliseconds(argc > 1 ? std::atol(argv[1]) : 0),
            argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0};
    if (argc < 4 || t.deadline.count() <= 0 || t.times == 0 || t.times > 20) {
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    try {
        weft::run([&] { supervise({argv + 3, argv + argc}, t); });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "supervisor: %s\n", e.what());
        return 1;
    }
}
