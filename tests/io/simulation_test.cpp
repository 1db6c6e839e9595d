// The reactor's interface suffices for a simulated world: a program with a server, limits and sleeps runs in hours of virtual
// time, in no real time, and the same each time.

#include <gtest/gtest.h>

#include <iomanip>
#include <random>
#include <sstream>
#include <thread>
#include <weft/limit.hpp>
#include <weft/offload.hpp>
#include <weft/socket.hpp>
#include <weft/task.hpp>
#include <weft/when.hpp>

#include "simulated_reactor.hpp"
#include "worlds.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;

/// What happened, and at what time of the world.
class journal {
public:
    explicit journal(simulated::world const& w) : world_(w) {}
    void note(std::string const& what) {
        auto seconds = std::chrono::duration<double>(world_.time()).count();
        std::ostringstream line;
        line << std::fixed << std::setprecision(1) << seconds << " " << what;
        lines.push_back(line.str());
    }
    std::vector<std::string> lines;

private:
    simulated::world const& world_;
};

/// Calls `body()` in a coroutine of a loop in that world.
template <class F>
void run_in(simulated::world& w, F body) {
    std::thread([&] {
        weft::loop loop(std::make_unique<simulated::reactor>(w));
        EXPECT_EQ(loop.reactor_name(), "simulated");
        weft::run(body);
    }).join();
}

/// No descriptor of the process has such a number.
constexpr int first_client = 1 << 28;

/// Sends back each word; says good-bye to who is silent for a minute.
void serve(weft::tcp_stream client, std::string const& name, journal& j) {
    std::error_code ec;
    for (;;) {
        std::string word;
        if (!weft::within(60s, [&] { word = read_text(client); })) {
            j.note(name + " is silent");
            client.write_all(weft::bytes_of("bye"), ec);
            return;
        }
        if (word.empty()) {
            j.note(name + " left");
            return;
        }
        j.note(name + " says " + word);
        client.write_all(weft::bytes_of(word), ec);
        j.note(name + " was answered");
    }
}

void serve_for_an_hour(weft::tcp_listener& listener, int clients, journal& j) {
    weft::scope all;
    for (int i = 0; i < clients; ++i) {
        weft::tcp_stream client = listener.accept();
        all.spawn([&j, i, c = std::move(client)]() mutable { serve(std::move(c), "client " + std::to_string(i), j); });
    }
    weft::sleep_for(1h);
    j.note("closing time");
    all.join();
}

TEST(simulation, hours_of_a_server_pass_in_no_time_and_as_the_script_says) {
    simulated::world w;
    journal j(w);
    auto before = weft::clock::now();
    run_in(w, [&] {
        weft::tcp_listener listener(loopback());
        auto client = [&](int i) { return first_client + i; };
        auto connect = [&listener](int fd) {
            return [&listener, fd](simulated::world& x) { x.of(listener.fd()).connections.push_back(fd); };
        };
        auto say = [](int fd, std::string text) { return [=](simulated::world& x) { x.of(fd).incoming += text; }; };
        w.at(1s, connect(client(0)));
        w.at(2s, connect(client(1)));
        w.at(5s, say(client(0), "hello"));
        w.at(30s, [&](simulated::world& x) { x.of(client(1)).room = 2; });  // and then it takes no more for a while
        w.at(40s, say(client(1), "slow"));
        w.at(50s, [&](simulated::world& x) { x.of(client(1)).room = 100; });
        w.at(55s, [&](simulated::world& x) { x.of(client(0)).ended = true; });
        serve_for_an_hour(listener, 2, j);
    });
    EXPECT_EQ(j.lines,
              (std::vector<std::string>{"5.0 client 0 says hello", "5.0 client 0 was answered",
                                        "40.0 client 1 says slow", "50.0 client 1 was answered", "55.0 client 0 left",
                                        "110.0 client 1 is silent", "3602.0 closing time"}));
    EXPECT_EQ(w.of(first_client).outgoing, "hello");
    EXPECT_EQ(w.of(first_client + 1).outgoing, "slowbye");
    EXPECT_EQ(std::count(w.closed.begin(), w.closed.end(), first_client + 1), 1);
    EXPECT_LT(weft::clock::now() - before, w.time());
}

std::vector<std::string> a_random_day(unsigned seed) {
    constexpr int clients = 20;
    simulated::world w;
    journal j(w);
    run_in(w, [&] {
        weft::tcp_listener listener(loopback());
        std::minstd_rand random(seed);
        for (int i = 0; i < clients; ++i) {
            int fd = first_client + i;
            auto time = 1ms * (random() % 1'000'000);
            w.at(time, [&listener, fd](simulated::world& x) { x.of(listener.fd()).connections.push_back(fd); });
            for (int word = 0; word < 5; ++word) {
                time += 1ms * (random() % 70'000);
                w.at(time, [=](simulated::world& x) { x.of(fd).incoming += "word " + std::to_string(word); });
            }
        }
        serve_for_an_hour(listener, clients, j);
    });
    return j.lines;
}

TEST(simulation, is_the_same_each_time_and_another_with_another_seed) {
    std::vector<std::string> once = a_random_day(1);
    EXPECT_GT(once.size(), 50U);
    EXPECT_EQ(once, a_random_day(1));
    EXPECT_NE(once, a_random_day(2));
}

TEST(simulation, limits_and_selects_go_by_its_clock) {
    simulated::world w;
    run_in(w, [&] {
        auto began = weft::loop::current().now();
        EXPECT_FALSE(weft::within(2h, [] { weft::sleep_for(3h); }));
        EXPECT_EQ(weft::loop::current().now() - began, 2h);
        weft::select(weft::when::after(1h));
        EXPECT_EQ(weft::loop::current().now() - began, 3h);
        EXPECT_EQ(weft::offload([] { return 17; }), 17);
    });
    EXPECT_EQ(w.time(), 3h);
}

}  // namespace
