// What the server has done, and is doing.

#pragma once

#include <cstdint>

namespace nbd {

struct statistics {
    std::uint64_t connections_served = 0;
    std::uint64_t connections = 0;
    std::uint64_t requests = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t errors = 0;  ///< The server's own: what the disk refused. A client's mistakes do not count.
};

/// One more of something, while it lives.
class one_more {
public:
    explicit one_more(std::uint64_t& of) : of_(of) { ++of_; }
    one_more(one_more const&) = delete;
    one_more& operator=(one_more const&) = delete;
    ~one_more() { --of_; }

private:
    std::uint64_t& of_;
};

}  // namespace nbd
