// The server: listens, accepts, serves, and stops in order.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>
#include <weft/event.hpp>
#include <weft/signals.hpp>
#include <weft/socket.hpp>
#include <weft/task.hpp>

#include "clients.hpp"
#include "connection.hpp"
#include "loops.hpp"
#include "pid_file.hpp"
#include "service.hpp"

namespace nbd {

struct options {
    struct named_image {
        std::string name;
        std::string path;
        std::string description = {};
    };
    std::vector<named_image> images;
    std::optional<std::string> listen;  ///< See split_address().
    std::optional<std::string> unix_path;
    std::vector<int> listening;  ///< Sockets that a service manager has opened.
    bool read_only = false;
    std::optional<std::uint64_t> create_size;
    client_limits limits;
    std::int64_t max_connections = 1024;
    std::size_t threads = 1;
    std::chrono::seconds drain{10};
    bool live = false;
    bool exit_when_idle = false;  ///< When the last client has left.
    std::optional<std::string> pid_file;
};

enum class exit_code : int { clean = 0, io_error = 1, bad_usage = 2, no_image = 3, cannot_listen = 4 };

class server {
public:
    explicit server(options wanted)
        : options_(std::move(wanted)),
          service_(options_.limits, options_.threads),
          places_(options_.max_connections, options_.max_connections) {}

    /// Serves until SIGINT, SIGTERM or SIGHUP. A second one of them does not wait for clients. SIGUSR1 logs a status line.
    /// Suspends.
    exit_code run(weft::signals& signals);

private:
    void watch(weft::signals& signals);
    std::optional<exit_code> start();
    void open_images();
    void listen();
    void listen_on(weft::endpoint const& address, weft::listen_options const& how);
    void accept_from(weft::listener& from);
    void accept_one(weft::listener& from, std::error_code& said);
    void admit(weft::stream stream);
    WEFT_COROUTINE_FN void serve(weft::stream stream, std::uint64_t number);
    void serve_here(weft::stream stream, std::uint64_t number, counters& counts);
    void complain(std::uint64_t number, std::exception const& e);
    void finish();
    /// `why()` makes the line that tells of it.
    template <class Why>
    void cut_all(Why why);
    void show_live();
    void show_live_once(statistics const& before, double seconds) const;
    void log_status() const;
    [[nodiscard]] bool sync_images();

    options options_;
    service service_;
    std::list<weft::listener> listeners_;
    std::optional<pid_file> pid_file_;
    weft::event stopping_{weft::event::manual};
    std::stop_source starting_;  ///< Of the start, if it is to end.
    weft::semaphore places_;     ///< For connections.
    bool said_full_ = false;     ///< That there are none left.
    std::uint64_t served_ = 0;   ///< Connections.
    client_list clients_;
    std::optional<loops> loops_;  ///< While it runs.
    weft::scope accepting_;
    weft::scope connections_;
};

}  // namespace nbd
