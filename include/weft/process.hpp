// Floor: io
//
// Child processes:
//
//     weft::process sort = weft::process::spawn({"sort", "-n"}, {.in = weft::stdio::piped, .out = weft::stdio::piped});
//     sort.in().write_all(numbers);
//     sort.in().close();
//     std::string sorted = weft::read_all(sort.out(), 1 << 20);
//     weft::exit_status status = sort.wait();
//
// A child does not outlive its owner: the destructor kills a child that still runs and waits for it, so that no
// zombie is left. Needs Linux 5.4, for pidfds. In a program that ignores SIGCHLD, or waits for any child, the status
// is lost.
//
// Each call has two forms: one throws std::system_error; the other takes a std::error_code last. All that wait suspend
// inside a coroutine, and run the thread's loop elsewhere.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>
#include <weft/pipe.hpp>

namespace weft {

/// How a child ended.
class exit_status {
public:
    /// As waitpid(2) gives it.
    explicit exit_status(int status) : status_(status) {}

    /// It returned code() from main(), or called exit(code()).
    [[nodiscard]] bool exited() const;
    [[nodiscard]] int code() const;
    /// A signal, signal(), ended it.
    [[nodiscard]] bool signalled() const { return !exited(); }
    [[nodiscard]] int signal() const;
    [[nodiscard]] bool dumped_core() const;

    /// exited() with code() 0.
    [[nodiscard]] bool success() const { return exited() && code() == 0; }
    /// "exited with 3", "killed by signal 9 (Killed)".
    [[nodiscard]] std::string text() const;

    friend bool operator==(exit_status const& a, exit_status const& b) { return a.status_ == b.status_; }

private:
    int status_;
};

/// What a standard stream of a child is: one of these, or a descriptor of the parent's, as in
/// `weft::stdio{log.fd()}`.
enum class stdio : int {
    inherited = -1,  ///< The parent's.
    null = -2,       ///< /dev/null.
    piped = -3,      ///< A pipe, whose other end is the process's in(), out() or error().
    as_out = -4      ///< For error: the same as out.
};

struct process_options {
    stdio in = stdio::inherited;
    stdio out = stdio::inherited;
    stdio error = stdio::inherited;
    /// "NAME=value" each; none: the parent's.
    std::optional<std::vector<std::string>> environment = {};
    /// Empty: the parent's. A program named by a relative path with a slash is looked up from there.
    std::filesystem::path working_directory = {};
};

class process {
public:
    process() = default;
    process(process&& other) noexcept;
    /// Kills the child that this owned before, and waits for it. Suspends.
    WEFT_MIXED_FN process& operator=(process&& other) noexcept;
    /// Kills a child that was not waited for, and waits for its end. Suspends.
    WEFT_MIXED_FN ~process();

    /// Starts a program: the first of `arguments`, looked for in the parent's PATH if it has no slash. The child
    /// starts with no signal blocked, and with default actions for those that the parent handles.
    /// Throws std::system_error that names the program: also where the program can't be run
    /// (no_such_file_or_directory, permission_denied, executable_format_error). Suspends.
    [[nodiscard]] WEFT_MIXED_FN static process spawn(std::vector<std::string> const& arguments,
                                                     process_options const& options = {},
                                                     call_site where = call_site::here());
    [[nodiscard]] WEFT_MIXED_FN static process spawn(std::vector<std::string> const& arguments,
                                                     process_options const& options, std::error_code& ec,
                                                     call_site where = call_site::here());

    /// Waits for the end. May be called any number of times, by any number of coroutines of the loop.
    WEFT_MIXED_FN exit_status wait(call_site where = call_site::here());
    /// With an error the returned status is meaningless.
    WEFT_MIXED_FN exit_status wait(std::error_code& ec, call_site where = call_site::here());

    /// Sends a signal; does nothing once the child was waited for.
    /// Throws std::system_error. Suspends: no.
    void signal(int number);
    void kill();

    /// The parent's ends of what was piped.
    [[nodiscard]] pipe_writer& in() { return in_; }
    [[nodiscard]] pipe_reader& out() { return out_; }
    [[nodiscard]] pipe_reader& error() { return error_; }

    [[nodiscard]] pid_t id() const { return id_; }
    /// A pidfd, readable when the child has ended: for select(). -1 where the system knows none (before Linux 5.3, or denied):
    /// there wait() looks every 10 ms.
    [[nodiscard]] int fd() const { return pidfd_.fd(); }
    explicit operator bool() const { return id_ >= 0; }

private:
    pid_t id_ = -1;
    descriptor pidfd_;
    std::optional<exit_status> status_;
    pipe_writer in_;
    pipe_reader out_;
    pipe_reader error_;
};

}  // namespace weft
