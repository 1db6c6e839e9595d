// A chat room: each line that somebody sends goes to all others. A client has two coroutines: one reads, the other writes
// what comes out of the client's channel. Nobody waits for a client that is slow.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>
#include <weft/buffered.hpp>
#include <weft/channel.hpp>
#include <weft/limit.hpp>
#include <weft/resolve.hpp>
#include <weft/tcp.hpp>
#include <weft/when.hpp>

namespace {

constexpr char usage[] = R"(usage: example_chat [HOST PORT]

A chat room for netcat and the like: a client's first line is its name, each one after goes to all others. Listens on
127.0.0.1 6667 unless told otherwise; port 0 takes a free one. Who lets 100 lines wait is put out. SIGINT ends it.
)";

struct member;
using room = std::vector<member*>;

/// Never waits.
void tell_all_but(member const* speaker, room const& in, std::string const& text);

/// A client that has a name: in the room while it lives.
struct member {
    member(room& r, weft::tcp_stream& s, std::string n) : where(r), stream(s), name(std::move(n)) {
        where.push_back(this);
        tell_all_but(this, where, "* " + name + " is here");
    }
    ~member() {
        std::erase(where, this);
        tell_all_but(this, where, "* " + name + " has left");
    }

    room& where;
    weft::tcp_stream& stream;
    std::string name;
    weft::channel<std::shared_ptr<std::string const>> lines{100};  ///< One copy of each, for all that get it.
};

void tell_all_but(member const* speaker, room const& in, std::string const& text) {
    auto line = std::make_shared<std::string const>(text + '\n');
    for (member* each : in) {
        if (each != speaker && !each->lines.try_send(std::shared_ptr(line))) {
            each->stream.shutdown();  // it is too slow: its coroutines find the end
        }
    }
}

/// Until the client leaves, or is put out.
WEFT_COROUTINE_FN void serve(weft::tcp_stream& stream, room& all) {
    weft::buffered_reader in(stream);
    stream.write_all(weft::bytes_of("Your name?\n"));
    auto first = weft::with_limit(std::chrono::minutes(1), [&] { return in.read_line(); });
    std::string name(first.value_or(""));
    if (name.empty() || std::any_of(all.begin(), all.end(), [&](member* m) { return m->name == name; })) {
        stream.write_all(weft::bytes_of("Not that one.\n"));
        return;
    }
    member me(all, stream, name);
    weft::task<void> writing = weft::spawn([&] {
        for (auto const& line : me.lines) {
            std::error_code gone;
            stream.write_all(weft::bytes_of(*line), gone);
            if (gone) {
                return;  // whoever reads finds that too
            }
        }
    });
    while (auto line = in.read_line()) {
        tell_all_but(&me, all, name + ": " + std::string(*line));
        weft::yield();  // whoever can take it does, before there is another
    }
}

/// Until it is cancelled.
void listen(weft::tcp_listener& listener) {
    room all;
    for (weft::scope clients;;) {
        clients.spawn([&, client = listener.accept()]() mutable {
            try {
                serve(client, all);
            } catch (std::system_error const&) {  // it is gone, in one way or another
            }
        });
    }
}

}  // namespace

int main(int argc, char** argv) {
    bool help = argc == 2 && argv[1] == std::string("--help");
    if (help || (argc != 1 && argc != 3)) {
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    std::string host = argc == 3 ? argv[1] : "127.0.0.1", port = argc == 3 ? argv[2] : "6667";
    try {
        weft::signals stop({SIGINT, SIGTERM});
        weft::run([&] {
            weft::tcp_listener listener(weft::resolve(host, port).front());
            std::fprintf(stderr, "chat: listening on %s\n", listener.local().text().c_str());
            weft::task<void> serving = weft::spawn([&] { listen(listener); });
            if (weft::select(weft::when::arrived(stop), weft::when::ended(serving)).index() == 1) {
                serving.join();  // throws why it has ended
            }
        });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "chat: %s\n", e.what());
        return 1;
    }
}
