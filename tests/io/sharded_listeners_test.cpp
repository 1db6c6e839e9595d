// A listener on each loop of a runtime, all on one port: SO_REUSEPORT.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>
#include <vector>
#include <weft/runtime.hpp>
#include <weft/socket.hpp>

#include "streams.hpp"

namespace {

using namespace worlds;
using weft::bytes_of;

constexpr unsigned loops = 4;

/// Each loop serves the connections that its own listener accepts: says the number of the loop.
class sharded_server {
public:
    sharded_server() {
        for (unsigned i = 0; i < loops; ++i) {
            listeners_[i].emplace(i == 0 ? loopback() : address(), weft::listen_options{{.reuse_port = true}});
            rt_.spawn_on(i, [this, i] { serve(i); }).detach();
        }
    }

    [[nodiscard]] weft::endpoint address() const { return listeners_[0]->local(); }
    /// How many connections each loop has accepted.
    [[nodiscard]] std::array<std::atomic<unsigned>, loops> const& accepted() const { return accepted_; }
    void stop() {
        rt_.stop();
        listeners_ = {};
    }

private:
    WEFT_COROUTINE_FN void serve(unsigned number) {
        weft::scope connections;
        for (;;) {
            weft::tcp_stream client = listeners_[number]->accept();
            ++accepted_[number];
            connections.spawn([this, number, client = std::move(client)]() mutable {
                bool here = &weft::loop::current() == &rt_.at(number);
                client.write_all(bytes_of(here ? std::to_string(number) : "elsewhere"));
            });
        }
    }

    std::array<std::optional<weft::tcp_listener>, loops> listeners_;
    std::array<std::atomic<unsigned>, loops> accepted_{};
    weft::runtime rt_{loops};  // ends before what its tasks use
};

// Which one gets a connection, the kernel draws from its addresses: that one gets them all happens once in 4^63 times.
TEST(sharded_listeners, each_loop_serves_what_the_kernel_gives_it_and_none_serves_all) {
    constexpr unsigned connections = 64;
    sharded_server server;
    std::array<unsigned, loops> answered_by{};
    std::vector<weft::tcp_stream> clients;
    for (unsigned i = 0; i < connections; ++i) {
        clients.push_back(weft::tcp_stream::connect(server.address()));
    }
    for (weft::tcp_stream& client : clients) {
        std::string answer = read_text(client);
        ASSERT_EQ(answer.size(), 1U) << answer;
        ++answered_by.at(static_cast<std::size_t>(answer[0] - '0'));
    }
    EXPECT_EQ(std::accumulate(answered_by.begin(), answered_by.end(), 0U), connections);
    for (unsigned i = 0; i < loops; ++i) {
        EXPECT_EQ(server.accepted()[i], answered_by[i]) << "by the loop number " << i;
        EXPECT_LT(answered_by[i], connections);
    }
}

TEST(sharded_listeners, nobody_is_served_after_the_stop) {
    sharded_server server;
    weft::endpoint address = server.address();
    weft::tcp_stream client = weft::tcp_stream::connect(address);
    EXPECT_EQ(read_text(client).size(), 1U);
    server.stop();
    std::error_code ec;
    (void)weft::tcp_stream::connect(address, ec);
    EXPECT_EQ(ec, std::errc::connection_refused);
}

}  // namespace
