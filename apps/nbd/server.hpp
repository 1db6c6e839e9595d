// The server: listens, accepts, serves, and stops in order.

#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>
#include <weft/signals.hpp>
#include <weft/socket.hpp>
#include <weft/task.hpp>

#include "connection.hpp"
#include "image.hpp"
#include "statistics.hpp"

namespace nbd {

struct options {
    struct named_image {
        std::string name;
        std::string path;
    };
    std::vector<named_image> images;
    std::optional<std::string> listen;  ///< HOST:PORT
    std::optional<std::string> unix_path;
    bool read_only = false;
    std::optional<std::uint64_t> create_size;
    std::int64_t max_in_flight = 64;
    std::chrono::seconds drain{10};
    std::chrono::microseconds spin{50};  ///< See weft::loop::set_spin().
    bool live = false;
};

enum class exit_code : int { clean = 0, io_error = 1, bad_usage = 2, no_image = 3, cannot_listen = 4 };

class server {
public:
    explicit server(options wanted) : options_(std::move(wanted)) {}

    /// Serves until SIGINT or SIGTERM. SIGUSR1 logs a status line. Suspends.
    exit_code run(weft::signals& signals);

private:
    void open_images();
    void listen();
    void accept_from(weft::listener& from);
    void serve(weft::stream stream, std::uint64_t number);
    void wait_for_stop(weft::signals& signals);
    void finish();
    void show_live();
    void log_status() const;
    [[nodiscard]] bool sync_images();

    options options_;
    std::vector<image> images_;
    buffer_pool buffers_;
    std::list<weft::listener> listeners_;
    std::list<connection*> clients_;
    weft::scope accepting_;
    weft::scope connections_;
    statistics counts_;
};

}  // namespace nbd
