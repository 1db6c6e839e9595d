// weft-nbd: serves raw disk images over NBD.

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <weft/task.hpp>

#include "log.hpp"
#include "server.hpp"

namespace {

constexpr char const* footer = R"(Examples:
  weft-nbd disk.img                        serve disk.img on 127.0.0.1:10809
  weft-nbd --size 10G scratch.img          create it first, sparse, if it is not there
  weft-nbd --unix /run/nbd.sock a=a.img b=b.img
                                           two exports, "a" and "b", on a Unix socket
Then, from a client:
  nbdinfo --list nbd://127.0.0.1
  nbdcopy nbd://127.0.0.1/disk.img copy.img
  qemu-img convert -O raw guest.qcow2 nbd://127.0.0.1/disk.img

Signals: SIGINT and SIGTERM stop accepting, finish what is in flight, sync the images and say what was done; SIGUSR1 logs
a status line.
Exit codes: 0 all was served and synced, 1 an I/O error while serving or in the last sync, 2 a wrong command line,
3 an image cannot be opened or created, 4 an address cannot be listened on.)";

struct command_line {
    nbd::options server;
    std::string reactor = "auto";
    std::string live = "auto";
    std::vector<std::string> images;
    std::string listen;
    std::string unix_path;
    std::uint64_t size = 0;
    std::int64_t drain = 10;
    std::int64_t spin = 50;
};

void describe(CLI::App& app, command_line& line) {
    app.description("Serves raw disk images over NBD (network block device).");
    app.footer(footer);
    app.set_version_flag("--version", "weft-nbd " WEFT_VERSION);
    app.add_option("images", line.images,
                   "Images to serve, each as an export called NAME, or else by its file's name. The first is also the "
                   "default export, with the empty name.")
        ->required()
        ->type_name("[NAME=]IMAGE");
    app.add_option("-l,--listen", line.listen, "Listen on this TCP address [127.0.0.1:10809]; port 0 takes a free one")
        ->type_name("HOST:PORT");
    app.add_option("-u,--unix", line.unix_path, "Listen on a Unix socket (alone: not on TCP)")->type_name("PATH");
    app.add_flag("-r,--read-only", line.server.read_only, "Refuse writes");
    app.add_option("-s,--size", line.size, "Create images that are not there, sparse, of this size")
        ->transform(CLI::AsSizeValue(false))
        ->type_name("SIZE[K|M|G|T]");
    app.add_option("--max-in-flight", line.server.max_in_flight, "Requests of one connection handled at once [64]")
        ->check(CLI::Range(1, 65536))
        ->type_name("N");
    app.add_option("--drain", line.drain, "How long a stop waits for what is in flight [10]")
        ->check(CLI::Range(0, 86400))
        ->type_name("SECONDS");
    app.add_option("--spin", line.spin,
                   "While requests keep coming, look for the next for so long before sleeping [50]; 0 saves CPU")
        ->check(CLI::Range(0, 10000))
        ->type_name("MICROSECONDS");
    app.add_option("--reactor", line.reactor, "How to wait for the system [auto]; WEFT_REACTOR does the same")
        ->check(CLI::IsMember({"auto", "io_uring", "epoll"}));
    app.add_option("--live", line.live, "A line that shows what goes on [auto: on a terminal]")
        ->check(CLI::IsMember({"auto", "always", "never"}));
}

/// Throws CLI::ValidationError.
nbd::options::named_image split_image(std::string const& text) {
    std::size_t equals = text.find('=');
    std::string path = equals == std::string::npos ? text : text.substr(equals + 1);
    std::string name =
        equals == std::string::npos ? std::filesystem::path(path).filename().string() : text.substr(0, equals);
    if (path.empty() || name.empty() || name.size() > 4096) {
        throw CLI::ValidationError("images", "'" + text + "' is not [NAME=]IMAGE");
    }
    return {name, path};
}

nbd::options options_of(command_line const& line, bool size_given) {
    nbd::options wanted = line.server;
    for (std::string const& text : line.images) {
        auto next = split_image(text);
        for (auto const& other : wanted.images) {
            if (other.name == next.name) {
                throw CLI::ValidationError("images", "two exports are called '" + next.name + "': name one of them");
            }
        }
        wanted.images.push_back(next);
    }
    if (!line.unix_path.empty()) {
        wanted.unix_path = line.unix_path;
    }
    if (!line.listen.empty() || line.unix_path.empty()) {
        wanted.listen = line.listen.empty() ? "127.0.0.1:10809" : line.listen;
    }
    if (size_given) {
        wanted.create_size = line.size;
    }
    if (size_given && wanted.read_only) {
        throw CLI::ValidationError("--size", "an image that is created now would be all zeros, read-only");
    }
    wanted.drain = std::chrono::seconds(line.drain);
    wanted.spin = std::chrono::microseconds(line.spin);
    wanted.live = line.live == "always" || (line.live == "auto" && isatty(STDERR_FILENO) != 0);
    return wanted;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app;
    command_line line;
    describe(app, line);
    nbd::options wanted;
    try {
        app.parse(argc, argv);
        wanted = options_of(line, app.count("--size") > 0);
    } catch (CLI::ParseError const& e) {
        return app.exit(e) == 0 ? 0 : static_cast<int>(nbd::exit_code::bad_usage);
    }
    if (line.reactor != "auto") {
        setenv("WEFT_REACTOR", line.reactor.c_str(), 1);
    }
    try {
        weft::signals signals({SIGINT, SIGTERM, SIGUSR1});
        return static_cast<int>(weft::run([&] { return nbd::server(std::move(wanted)).run(signals); }));
    } catch (std::exception const& e) {
        nbd::log("{}", e.what());
        return static_cast<int>(nbd::exit_code::io_error);
    }
}
