#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>
#include <weft/resolve.hpp>
#include <weft/udp.hpp>

#include "worlds.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::resolve_error;

#if defined(WEFT_HAS_CARES)

/// A name server (RFC 1035) for as long as it lives: knows a few names, and nothing of others.
class name_server {
public:
    enum class answer : std::uint8_t { none = 0, server_failure = 2, no_such_name = 3, refused = 5 };
    struct record {
        std::vector<std::string> a = {};
        std::vector<std::string> aaaa = {};
    };

    name_server() {
        server_ = weft::spawn([this] {
            std::array<std::byte, 512> question;
            for (;;) {
                weft::datagram got = socket_.receive_from(question);
                ++asked;
                if (got.size > 12 && !silent) {
                    std::string reply = answer_to(text_of(std::span(question).first(got.size)));
                    socket_.send_to(weft::bytes_of(reply), got.from);
                }
            }
        });
    }

    /// To ask it, and to lose no time over it.
    [[nodiscard]] weft::resolve_options only() const {
        return {.servers = {socket_.local()}, .timeout = 20ms, .tries = 2};
    }

    std::map<std::string, record> names;
    answer otherwise = answer::no_such_name;
    bool silent = false;
    int asked = 0;

private:
    static std::string number(unsigned value) {
        return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
    }

    /// The question's name, and behind it its type and class.
    static std::string name_in(std::string const& question, std::size_t& at) {
        std::string name;
        while (at < question.size() && question[at] != 0) {
            auto length = static_cast<std::size_t>(question[at]);
            name += (name.empty() ? "" : ".") + question.substr(at + 1, length);
            at += length + 1;
        }
        ++at;
        return name;
    }

    [[nodiscard]] std::string answer_to(std::string const& question) const {
        std::size_t at = 12;
        auto known = names.find(name_in(question, at));
        bool wants_aaaa = question.substr(at, 2) == number(28);
        std::string records;
        unsigned count = 0;
        if (known != names.end()) {
            for (std::string const& address : wants_aaaa ? known->second.aaaa : known->second.a) {
                weft::endpoint e = weft::endpoint::ip(address, 0);
                std::string data = wants_aaaa ? bytes_at(reinterpret_cast<sockaddr_in6 const*>(e.data())->sin6_addr)
                                              : bytes_at(reinterpret_cast<sockaddr_in const*>(e.data())->sin_addr);
                // The name of the question, its type and class, 60 seconds.
                records += number(0xc00c) + question.substr(at, 4) + number(0) + number(60) +
                           number(static_cast<unsigned>(data.size())) + data;
                ++count;
            }
        }
        unsigned code = known == names.end() ? static_cast<unsigned>(otherwise) : 0;
        return question.substr(0, 2) + number(0x8180 | code) + number(1) + number(count) + number(0) + number(0) +
               question.substr(12, at + 4 - 12) + records;
    }

    template <class Address>
    static std::string bytes_at(Address const& address) {
        std::string bytes(sizeof address, '\0');
        std::memcpy(bytes.data(), &address, sizeof address);
        return bytes;
    }

    weft::udp_socket socket_{loopback()};
    weft::task<void> server_;
};

std::vector<std::string> texts(std::vector<weft::endpoint> const& endpoints) {
    std::vector<std::string> all;
    for (weft::endpoint const& e : endpoints) {
        all.push_back(e.text());
    }
    std::sort(all.begin(), all.end());
    return all;
}

std::error_code error_from(std::string const& host, weft::resolve_options const& options) {
    std::error_code ec;
    auto found = weft::resolve(host, "80", options, ec);
    EXPECT_TRUE(!ec || found.empty());
    return ec;
}

TEST(resolve, asks_a_name_server_for_addresses_of_both_kinds) {
    in_both_worlds([] {
        name_server server;
        server.names["both.test"] = {.a = {"192.0.2.1", "192.0.2.2"}, .aaaa = {"2001:db8::1"}};
        EXPECT_EQ(texts(weft::resolve("both.test", "80", server.only())),
                  (std::vector<std::string>{"192.0.2.1:80", "192.0.2.2:80", "[2001:db8::1]:80"}));
    });
}

TEST(resolve, asks_for_one_kind_alone_if_that_is_wanted) {
    in_both_worlds([] {
        name_server server;
        server.names["both.test"] = {.a = {"192.0.2.1"}, .aaaa = {"2001:db8::1"}};
        weft::resolve_options options = server.only();
        options.family = AF_INET6;
        EXPECT_EQ(texts(weft::resolve("both.test", "http", options)), std::vector<std::string>{"[2001:db8::1]:80"});
        EXPECT_EQ(server.asked, 1);
    });
}

TEST(resolve, a_name_that_there_is_not_is_not_found) {
    in_both_worlds([] {
        name_server server;
        EXPECT_EQ(error_from("nobody.test", server.only()), resolve_error::not_found);
        server.names["nothing.test"] = {};
        EXPECT_EQ(error_from("nothing.test", server.only()), resolve_error::not_found);
        std::system_error e = thrown_by([&] { (void)weft::resolve("nobody.test", "80", server.only()); });
        EXPECT_NE(std::string(e.what()).find("nobody.test:80"), std::string::npos) << e.what();
    });
}

TEST(resolve, a_server_that_is_silent_is_asked_again_and_then_given_up) {
    in_both_worlds([] {
        name_server server;
        server.silent = true;
        weft::resolve_options options = server.only();
        options.family = AF_INET;
        EXPECT_EQ(error_from("late.test", options), resolve_error::no_answer);
        EXPECT_EQ(server.asked, 2);
    });
}

TEST(resolve, a_server_that_answers_late_is_heard) {
    in_both_worlds([] {
        name_server server;
        server.names["late.test"] = {.a = {"192.0.2.1"}};
        server.silent = true;
        weft::resolve_options options = server.only();
        options.tries = 5;
        auto asking = weft::spawn([&] { return texts(weft::resolve("late.test", "80", options)); });
        while (server.asked < 3) {
            let_others_run();
        }
        server.silent = false;
        EXPECT_EQ(asking.join(), std::vector<std::string>{"192.0.2.1:80"});
    });
}

TEST(resolve, a_server_that_fails_or_refuses_gives_no_answer) {
    in_both_worlds([] {
        name_server server;
        for (auto answer : {name_server::answer::server_failure, name_server::answer::refused}) {
            server.otherwise = answer;
            EXPECT_EQ(error_from("any.test", server.only()), resolve_error::no_answer);
        }
    });
}

TEST(resolve, a_second_server_is_asked_if_the_first_is_not_there) {
    in_both_worlds([] {
        name_server server;
        server.names["a.test"] = {.a = {"192.0.2.1"}};
        weft::resolve_options options = server.only();
        options.servers.insert(options.servers.begin(), weft::udp_socket(loopback()).local());
        EXPECT_EQ(texts(weft::resolve("a.test", "80", options)), std::vector<std::string>{"192.0.2.1:80"});
    });
}

TEST(resolve, can_be_cancelled_and_leaves_nothing_open) {
    in_both_worlds([] {
        name_server server;
        server.silent = true;
        long before = open_descriptors();
        auto asking = weft::spawn([&] { return weft::resolve("late.test", "80", {.servers = server.only().servers}); });
        while (server.asked == 0) {
            let_others_run();
        }
        asking.cancel();
        EXPECT_EQ(error_of(asking), std::errc::operation_canceled);
        EXPECT_EQ(open_descriptors(), before);
    });
}

TEST(resolve, a_deadline_that_is_met_before_the_servers_is_told) {
    in_both_worlds([] {
        name_server server;
        server.silent = true;
        std::error_code ec;
        weft::with_limit(5ms, [&] {
            (void)weft::resolve("late.test", "80", {.servers = server.only().servers, .timeout = 60s}, ec);
        });
        EXPECT_EQ(ec, std::errc::timed_out);
    });
}

TEST(resolve, asks_nobody_if_its_deadline_has_passed_before) {
    in_both_worlds([] {
        name_server server;
        std::error_code ec;
        weft::with_limit(0s, [&] { (void)weft::resolve("any.test", "80", server.only(), ec); });
        EXPECT_EQ(ec, std::errc::timed_out);
        let_others_run_on();
        EXPECT_EQ(server.asked, 0);
    });
}

TEST(resolve, many_names_at_once) {
    in_both_worlds([] {
        name_server server;
        weft::scope all;
        weft::resolve_options options = server.only();
        options.timeout = 10s;
        for (int i = 0; i < 50; ++i) {
            std::string host = "host" + std::to_string(i) + ".test";
            server.names[host] = {.a = {"192.0.2." + std::to_string(i)}};
            all.spawn([&options, host, i] {
                EXPECT_EQ(texts(weft::resolve(host, "80", options)),
                          std::vector<std::string>{"192.0.2." + std::to_string(i) + ":80"});
            });
        }
        all.join();
    });
}

TEST(resolve, etc_hosts_goes_before_the_servers) {
    std::string name;
    std::ifstream hosts("/etc/hosts");
    for (std::string line, address; std::getline(hosts, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string word;
        words >> address;
        while (words >> word) {
            name = address == "127.0.0.1" && word != "localhost" ? word : name;
        }
    }
    if (name.empty()) {
        GTEST_SKIP() << "/etc/hosts names 127.0.0.1 nothing but localhost";
    }
    in_both_worlds([&] {
        name_server server;
        server.names[name] = {.a = {"192.0.2.1"}};
        weft::resolve_options options = server.only();
        options.family = AF_INET;
        EXPECT_EQ(texts(weft::resolve(name, "80", options)), std::vector<std::string>{"127.0.0.1:80"});
        EXPECT_EQ(server.asked, 0);
    });
}

#else

TEST(resolve, without_c_ares_other_servers_are_not_supported) {
    in_both_worlds([] {
        std::error_code ec;
        (void)weft::resolve("a.test", "80", {.servers = {loopback(53)}}, ec);
        EXPECT_EQ(ec, std::errc::not_supported);
    });
}

#endif

TEST(resolve, knows_localhost) {
    in_both_worlds([] {
        auto found = weft::resolve("localhost", "10809");
        ASSERT_FALSE(found.empty());
        for (weft::endpoint const& e : found) {
            EXPECT_TRUE(e.text() == "127.0.0.1:10809" || e.text() == "[::1]:10809") << e.text();
        }
    });
}

TEST(resolve, what_is_in_digits_needs_nobody) {
    in_both_worlds([] {
        auto found = weft::resolve("127.0.0.1", "http");
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found.front(), loopback(80));
        EXPECT_EQ(weft::resolve("::1", "80").front().text(), "[::1]:80");
    });
}

TEST(resolve, an_empty_host_is_every_address_of_this_one) {
    in_both_worlds([] {
        auto found = weft::resolve("", "10809");
        ASSERT_FALSE(found.empty());
        EXPECT_TRUE(found.front().text() == "0.0.0.0:10809" || found.front().text() == "[::]:10809")
            << found.front().text();
    });
}

TEST(resolve, the_error_for_a_bad_name_names_host_and_service) {
    in_both_worlds([] {
        std::string bad = std::string(64, 'x') + ".invalid";  // a label of a name has at most 63 characters
        std::system_error e = thrown_by([&] { (void)weft::resolve(bad, "10809"); });
        EXPECT_EQ(e.code(), resolve_error::not_found);
        EXPECT_NE(std::string(e.what()).find(bad + ":10809"), std::string::npos) << e.what();
    });
}

TEST(resolve, the_error_for_an_unknown_service_names_it) {
    in_both_worlds([] {
        std::system_error e = thrown_by([] { (void)weft::resolve("127.0.0.1", "no-such-service"); });
        EXPECT_EQ(e.code(), resolve_error::unknown_service);
        EXPECT_NE(std::string(e.what()).find("127.0.0.1:no-such-service"), std::string::npos) << e.what();
    });
}

TEST(resolve, a_port_over_65535_is_an_error_that_says_so) {
    for (std::string port : {"65536", "100000", "99999999999999999999"}) {
        std::system_error e = thrown_by([&] { (void)weft::resolve("127.0.0.1", port); });
        EXPECT_EQ(e.code(), std::errc::invalid_argument) << port;
        EXPECT_NE(std::string(e.what()).find(port + ", a port over 65535"), std::string::npos) << e.what();
    }
}

}  // namespace
