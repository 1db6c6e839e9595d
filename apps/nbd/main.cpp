// weft-nbd: serves raw disk images over NBD.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <weft/task.hpp>

#include "activation.hpp"
#include "arguments.hpp"
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

Signals: SIGINT, SIGTERM and SIGHUP stop accepting, finish what is in flight, sync the images and say what was done; a second
one cuts the connections. SIGUSR1 logs a status line.
Exit codes: 0 all was served and synced, 1 an I/O error while serving or in the last sync, 2 a wrong command line,
3 an image cannot be opened or created, 4 an address cannot be listened on, or the pid file not be written.)";

/// How long the end waits for a log that is not read.
constexpr std::chrono::milliseconds log_patience{500};

struct command_line {
    nbd::options server;
    std::string reactor = "auto";
    std::string live = "auto";
    std::vector<std::string> images;
    std::string listen;
    std::string unix_path;
    std::string pid_file;
    std::vector<std::string> descriptions;
    std::string size;
    std::string max_memory = "256M";
    std::int64_t negotiation = 10;
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
        ->type_name("HOST[:PORT]");
    app.add_option("-u,--unix", line.unix_path, "Listen on a Unix socket (alone: not on TCP)")->type_name("PATH");
    app.add_flag("-r,--read-only", line.server.read_only, "Refuse writes");
    app.add_option("-s,--size", line.size, "Create images that are not there, sparse, of this size")
        ->type_name("SIZE[K|M|G|T]");
    app.add_option("-d,--description", line.descriptions, "Tell clients this of the export [the first]; once for each")
        ->type_name("[NAME=]TEXT")
        ->allow_extra_args(false);
    app.add_option("--pid-file", line.pid_file, "Write the process id there when it listens, and remove it at the end")
        ->type_name("PATH");
    app.add_flag("--exit-when-idle", line.server.exit_when_idle, "Stop when the last client has left");
    app.add_option("--max-connections", line.server.max_connections, "Clients served at once [1024]; others wait")
        ->check(CLI::Range(1, 1000000))
        ->type_name("N");
    app.add_option("--threads", line.server.threads, "Serve clients on so many threads [1]")
        ->check(CLI::Range(1, 1024))
        ->type_name("N");
    app.add_option("--max-memory", line.max_memory,
                   "For the data of all requests, beyond 256 KiB for each connection [256M]")
        ->type_name("SIZE[K|M|G|T]");
    app.add_option("--negotiation", line.negotiation, "How long a client may take to choose an export [10]")
        ->check(CLI::Range(1, 86400))
        ->type_name("SECONDS");
    app.add_option("--max-in-flight", line.server.limits.max_in_flight,
                   "Requests of one connection handled at once [64]")
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
std::uint64_t size_of(char const* option, std::string const& text) {
    auto bytes = nbd::parse_size(text);
    if (!bytes) {
        throw CLI::ValidationError(option, "'" + text + "' is not a size from 1 to 9223372036854775807 bytes");
    }
    return *bytes;
}

nbd::options::named_image* find(nbd::options& among, std::string const& name) {
    auto& images = among.images;
    auto found = std::find_if(images.begin(), images.end(), [&](auto const& each) { return each.name == name; });
    return found == images.end() ? nullptr : &*found;
}

void add_image(nbd::options& to, std::string const& text) {
    auto [name, path] = nbd::split_image(text);
    if (path.empty() || name.empty() || name.size() > nbd::maximum_name) {
        throw CLI::ValidationError("images", "'" + text + "' is not [NAME=]IMAGE");
    }
    if (find(to, name) != nullptr) {
        throw CLI::ValidationError("images", "two exports are called '" + name + "': name one of them");
    }
    to.images.push_back({.name = name, .path = path});
}

void describe_export(nbd::options& among, std::string const& text) {
    std::size_t equals = text.find('=');
    auto* named = equals == std::string::npos ? nullptr : find(among, text.substr(0, equals));
    std::string description = named == nullptr ? text : text.substr(equals + 1);
    if (description.size() > nbd::maximum_name) {
        throw CLI::ValidationError("--description", "a description has at most 4096 bytes");
    }
    (named == nullptr ? among.images.front() : *named).description = description;
}

/// Throws CLI::ValidationError.
nbd::options options_of(command_line const& line, std::vector<int> listening) {
    nbd::options wanted = line.server;
    for (std::string const& text : line.images) {
        add_image(wanted, text);
    }
    for (std::string const& text : line.descriptions) {
        describe_export(wanted, text);
    }
    wanted.listening = std::move(listening);
    if (!wanted.listening.empty() && !(line.listen.empty() && line.unix_path.empty())) {
        throw CLI::ValidationError("--listen", "the service manager has opened the sockets already");
    }
    if (!line.unix_path.empty()) {
        wanted.unix_path = line.unix_path;
    }
    if (!line.listen.empty() || (line.unix_path.empty() && wanted.listening.empty())) {
        wanted.listen = line.listen.empty() ? "127.0.0.1:10809" : line.listen;
    }
    if (!line.pid_file.empty()) {
        wanted.pid_file = line.pid_file;
    }
    if (!line.size.empty()) {
        wanted.create_size = size_of("--size", line.size);
    }
    wanted.limits.max_memory = static_cast<std::int64_t>(size_of("--max-memory", line.max_memory));
    wanted.limits.negotiation = std::chrono::seconds(line.negotiation);
    if (wanted.create_size && wanted.read_only) {
        throw CLI::ValidationError("--size", "an image that is created now would be all zeros, read-only");
    }
    wanted.drain = std::chrono::seconds(line.drain);
    wanted.limits.spin = std::chrono::microseconds(line.spin);
    wanted.live = line.live == "always" || (line.live == "auto" && isatty(STDERR_FILENO) != 0);
    return wanted;
}

/// --reactor, or else WEFT_REACTOR; the loop reads the latter. Throws CLI::ValidationError.
void choose_reactor(std::string const& wanted) {
    char const* set = std::getenv("WEFT_REACTOR");
    if (wanted != "auto") {
        setenv("WEFT_REACTOR", wanted.c_str(), 1);
    } else if (set != nullptr && !(*set == '\0' || set == std::string("io_uring") || set == std::string("epoll"))) {
        throw CLI::ValidationError("WEFT_REACTOR", "'" + std::string(set) + "' is neither io_uring nor epoll");
    }
}

/// So that no image and no socket gets the number of one: what is meant for a terminal would be written into it.
void fill_standard_descriptors() {
    for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(fd, F_GETFD) < 0) {
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);  // takes the lowest number: that one
        }
    }
}

/// As many as the system lets this process have.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/// Serves until a signal comes.
int serve(nbd::options wanted) {
    std::signal(SIGPIPE, SIG_IGN);  // the calls say EPIPE
    std::signal(SIGXFSZ, SIG_IGN);  // and EFBIG
    struct sigaction hang_up {};
    sigaction(SIGHUP, nullptr, &hang_up);
    bool stays = hang_up.sa_handler == SIG_IGN;  // nohup(1)
    weft::signals signals(stays ? std::initializer_list<int>{SIGINT, SIGTERM, SIGUSR1}
                                : std::initializer_list<int>{SIGINT, SIGTERM, SIGUSR1, SIGHUP});
    auto code = weft::run([&] { return nbd::server(std::move(wanted)).run(signals); });
    for (int late : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
        std::signal(late, SIG_IGN);  // the code says how it ended, also when one comes now
    }
    return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
    fill_standard_descriptors();
    raise_descriptor_limit();
    CLI::App app;
    command_line line;
    describe(app, line);
    nbd::options wanted;
    try {
        app.parse(argc, argv);
        choose_reactor(line.reactor);
        wanted = options_of(line, nbd::take_activation_sockets());
    } catch (CLI::ParseError const& e) {
        return app.exit(e) == 0 ? 0 : static_cast<int>(nbd::exit_code::bad_usage);
    } catch (std::runtime_error const& e) {
        nbd::log("{}", e.what());
        nbd::flush_log(log_patience);
        return static_cast<int>(nbd::exit_code::cannot_listen);
    }
    int code = static_cast<int>(nbd::exit_code::io_error);
    try {
        code = serve(std::move(wanted));
    } catch (std::exception const& e) {
        nbd::log("{}", e.what());
    }
    nbd::flush_log(log_patience);
    return code;
}
