// Floor: io

#include <weft/process.hpp>
#include <weft/shield.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include "io/system_call.hpp"
#include "system/refused.hpp"

namespace weft {
namespace {

/// posix_spawn(3)'s own error, as a system call's.
void check(int error) {
    if (error != 0) {
        detail::refuse("weft: what a child is to begin with", error);
    }
}

class spawn_actions {
public:
    spawn_actions() { check(posix_spawn_file_actions_init(&actions_)); }
    spawn_actions(spawn_actions const&) = delete;
    spawn_actions& operator=(spawn_actions const&) = delete;
    ~spawn_actions() { posix_spawn_file_actions_destroy(&actions_); }

    void duplicate(int from, int to) { check(posix_spawn_file_actions_adddup2(&actions_, from, to)); }
    void open_null(int to) {
        check(posix_spawn_file_actions_addopen(&actions_, to, "/dev/null", to == 0 ? O_RDONLY : O_WRONLY, 0));
    }
    void change_to(std::filesystem::path const& directory) {
        check(posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str()));
    }
    [[nodiscard]] posix_spawn_file_actions_t const* get() const { return &actions_; }

private:
    posix_spawn_file_actions_t actions_;
};

/// No signal is blocked in the child, and none is ignored that programs expect to end them: weft's signals object blocks
/// some in the parent, and its workers block all.
class spawn_attributes {
public:
    spawn_attributes() {
        check(posix_spawnattr_init(&attributes_));
        sigset_t none;
        sigset_t as_usual;
        sigemptyset(&none);
        sigemptyset(&as_usual);
        sigaddset(&as_usual, SIGPIPE);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setsigdefault(&attributes_, &as_usual);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    spawn_attributes(spawn_attributes const&) = delete;
    spawn_attributes& operator=(spawn_attributes const&) = delete;
    ~spawn_attributes() { posix_spawnattr_destroy(&attributes_); }

    [[nodiscard]] posix_spawnattr_t const* get() const { return &attributes_; }

private:
    posix_spawnattr_t attributes_;
};

/// A pipe between parent and child.
struct connection {
    descriptor ours;
    descriptor theirs;
};

/// Neither end bears one of the numbers 0 to 2, which the child's streams are to get.
descriptor above_standard_streams(int fd) {
    if (fd > 2) {
        return descriptor(fd);
    }
    descriptor low(fd);
    descriptor moved(fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!moved) {
        detail::refuse("no descriptor for a child");
    }
    return moved;
}

connection connect(bool child_reads) {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) {
        detail::refuse("no pipe for a child");
    }
    descriptor second(fds[1]);
    descriptor reading = above_standard_streams(fds[0]);
    descriptor writing = above_standard_streams(second.release());
    return child_reads ? connection{std::move(writing), std::move(reading)}
                       : connection{std::move(reading), std::move(writing)};
}

/// Has the child's stream `number` be what was asked for. Returns the pipe, if it is one.
connection prepare(spawn_actions& actions, stdio wanted, int number) {
    switch (wanted) {
        case stdio::inherited:
            return {};
        case stdio::null:
            actions.open_null(number);
            return {};
        case stdio::as_out:
            actions.duplicate(1, number);
            return {};
        case stdio::piped: {
            connection made = connect(number == 0);
            actions.duplicate(made.theirs.fd(), number);
            return made;
        }
    }
    actions.duplicate(static_cast<int>(wanted), number);
    return {};
}

std::vector<char*> pointers_to(std::vector<std::string> const& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string const& text : texts) {
        pointers.push_back(const_cast<char*>(text.c_str()));
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// How often a child is asked after that there is no pidfd of: short against a program's start, long against the cost of a
/// look.
constexpr std::chrono::milliseconds between_looks{10};

/// Where pidfds are missing (pidfd_open(2): Linux 5.3), a child is known by its id, which is its own until it was waited for.
int send_signal(pid_t id, int pidfd, int number) {
    if (pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0) == 0) {
        return 0;
    }
    return pidfd < 0 || detail::may_be_missing(errno) ? ::kill(id, number) : -1;
}

/// waitid(2), which knows pidfds since Linux 5.4.
int look_after(pid_t id, int pidfd, siginfo_t& info) {
    if (pidfd >= 0) {
        int result = waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG);
        if (result == 0 || (errno != EINVAL && !detail::may_be_missing(errno))) {
            return result;
        }
    }
    return waitid(P_PID, static_cast<id_t>(id), &info, WEXITED | WNOHANG);
}

/// Starts the program. Returns 0, or -1 and sets errno: then there is no child. `pidfd`: -1 where the system knows none.
int start(std::vector<std::string> const& arguments, char* const* environment, spawn_actions const& actions,
          spawn_attributes const& attributes, pid_t& id, int& pidfd) {
    std::vector<char*> argv = pointers_to(arguments);
    if (int error = posix_spawnp(&id, argv[0], actions.get(), attributes.get(), argv.data(), environment); error != 0) {
        errno = error;
        return -1;
    }
    pidfd = static_cast<int>(syscall(SYS_pidfd_open, id, 0));
    if (pidfd < 0 && !detail::may_be_missing(errno)) {  // there is one, but no room for it
        int error = errno;
        ::kill(id, SIGKILL);
        ::waitpid(id, nullptr, 0);
        errno = error;
        return -1;
    }
    return 0;
}

}  // namespace

bool exit_status::exited() const {
    return WIFEXITED(status_);
}

int exit_status::code() const {
    return exited() ? WEXITSTATUS(status_) : -1;
}

int exit_status::signal() const {
    return signalled() ? WTERMSIG(status_) : 0;
}

bool exit_status::dumped_core() const {
    return signalled() && WCOREDUMP(status_);
}

std::string exit_status::text() const {
    if (exited()) {
        return "exited with " + std::to_string(code());
    }
    char const* name = sigdescr_np(signal());
    return "killed by signal " + std::to_string(signal()) + " (" + (name == nullptr ? "unknown" : name) + ')';
}

process::process(process&& other) noexcept
    : id_(std::exchange(other.id_, -1)),
      pidfd_(std::move(other.pidfd_)),
      status_(std::exchange(other.status_, std::nullopt)),
      in_(std::move(other.in_)),
      out_(std::move(other.out_)),
      error_(std::move(other.error_)) {}

process& process::operator=(process&& other) noexcept {
    process moved(std::move(other));
    std::swap(id_, moved.id_);
    std::swap(pidfd_, moved.pidfd_);
    std::swap(status_, moved.status_);
    std::swap(in_, moved.in_);
    std::swap(out_, moved.out_);
    std::swap(error_, moved.error_);
    return *this;
}

process::~process() {
    if (id_ < 0 || status_) {
        return;
    }
    shield guard;
    std::error_code ignored;
    send_signal(id_, pidfd_.fd(), SIGKILL);
    wait(ignored, call_site("~process", 0));
}

process process::spawn(std::vector<std::string> const& arguments, process_options const& options, call_site where) {
    std::error_code ec;
    process made = spawn(arguments, options, ec, where);
    if (ec) {
        std::string from = options.working_directory.empty() ? "" : " in " + options.working_directory.string();
        throw std::system_error(ec, "cannot run " + (arguments.empty() ? "" : arguments.front()) + from);
    }
    return made;
}

process process::spawn(std::vector<std::string> const& arguments, process_options const& options, std::error_code& ec,
                       call_site where) {
    if (arguments.empty()) {
        ec = std::make_error_code(std::errc::invalid_argument);
        return {};
    }
    try {
        spawn_actions actions;
        spawn_attributes const attributes;
        std::array<connection, 3> pipes{prepare(actions, options.in, 0), prepare(actions, options.out, 1),
                                        prepare(actions, options.error, 2)};
        if (!options.working_directory.empty()) {
            actions.change_to(options.working_directory);
        }
        std::vector<char*> const named = options.environment ? pointers_to(*options.environment) : std::vector<char*>();
        pid_t id = -1;
        int pidfd = -1;
        detail::finish_on_worker(-1, "a program to start", ec, where, [&] {
            return start(arguments, options.environment ? named.data() : environ, actions, attributes, id, pidfd);
        });
        if (ec) {
            return {};
        }
        process made;
        made.id_ = id;
        made.pidfd_ = descriptor(pidfd);
        made.in_ = pipe_writer(std::move(pipes[0].ours));
        made.out_ = pipe_reader(std::move(pipes[1].ours));
        made.error_ = pipe_reader(std::move(pipes[2].ours));
        return made;
    } catch (std::system_error const& e) {
        ec = e.code();
        return {};
    }
}

exit_status process::wait(call_site where) {
    std::error_code ec;
    exit_status status = wait(ec, where);
    if (ec) {
        throw std::system_error(ec, "wait for a child");
    }
    return status;
}

exit_status process::wait(std::error_code& ec, call_site where) {
    ec.clear();
    auto look = [&]() -> int {
        siginfo_t info{};
        if (status_ || look_after(id_, pidfd_.fd(), info) != 0) {
            return status_ ? 0 : -1;
        }
        if (info.si_pid == 0) {
            errno = EAGAIN;
            return -1;
        }
        int status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : info.si_status;
        status_.emplace(info.si_code == CLD_DUMPED ? status | WCOREFLAG : status);
        return 0;
    };
    if (pidfd_ && !status_) {
        detail::call_when_ready(pidfd_.fd(), POLLIN, "a child's end", ec, where, look);
    }
    while (!pidfd_ && !status_ && !ec && look() != 0) {
        if (errno != EAGAIN) {
            detail::set_error(ec);
        } else {
            detail::pause(between_looks, ec, where);
        }
    }
    return status_.value_or(exit_status(-1));
}

void process::signal(int number) {
    if (id_ >= 0 && !status_ && send_signal(id_, pidfd_.fd(), number) != 0) {
        detail::refuse("signal a child");
    }
}

void process::kill() {
    signal(SIGKILL);
}

}  // namespace weft
