// The clients of the I/O soak: sessions one after the other, and those with the echo server.

#include "io_session.hpp"

namespace soak {
namespace {

void send_text(line& to, std::uint64_t key, std::size_t total) {
    std::array<std::byte, 4096> buffer;
    for (std::size_t sent = 0; sent < total;) {
        auto part = std::span(buffer).first(std::min(buffer.size(), total - sent));
        fill(part, key, sent);
        to.send(part);
        sent += part.size();
    }
    to.end_sending();
}

/// Until the end. Returns how much there was.
std::size_t compare_text(line& from, std::uint64_t key) {
    std::array<std::byte, 4096> buffer, expected;
    for (std::size_t done = 0;;) {
        std::size_t n = from.receive(buffer);
        if (n == 0) {
            return done;
        }
        fill(std::span(expected).first(n), key, done);
        REQUIRE(std::equal(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n), expected.begin()));
        done += n;
    }
}

/// Runs a session as its fate has it. Returns whether it ended in order.
template <class Session>
bool attempt(world& w, fate const& f, Session session) {
    try {
        if (f.how == fate::kind::limited) {
            bool ended = weft::within(f.time, session);
            (ended ? w.in_order : w.timed_out).add();
            return ended;
        }
        if (f.how == fate::kind::cancelled) {
            weft::task<void> one = weft::spawn(session);
            weft::sleep_for(f.time);
            one.cancel();
            one.join();
        } else {
            session();
        }
        w.in_order.add();
        return true;
    } catch (leaving const&) {
        w.left.add();
    } catch (ended_early const&) {
        w.surprised.add();
    } catch (std::system_error const& e) {
        bool asked_for = f.how == fate::kind::cancelled && e.code() == std::errc::operation_canceled;
        bool none_left = e.code() == std::errc::too_many_files_open || e.code() == std::errc::address_not_available;
        (asked_for ? w.cancelled : none_left ? w.starved : w.surprised).add();
    }
    return false;
}

}  // namespace

void talk_to_echo(world& w, std::uint64_t start, fate const& f) {
    random_numbers random(start);
    std::uint64_t key = random();
    std::size_t total = random.below(random.below(4) == 0 ? 200'000 : 5'000);
    fate own = f;
    if (f.how == fate::kind::half_closed) {  // then that is all, and it comes back
        total = std::min(total, f.budget);
        own.budget = fate().budget;
    }
    line server(w.echo, random, own);
    std::size_t echoed = 0;
    bool all_sent = false;
    weft::scope both;
    both.spawn([&] {
        send_text(server, key, total);
        all_sent = true;
    });
    both.spawn([&] {
        echoed = compare_text(server, key);
        if (!all_sent) {
            throw ended_early();
        }
    });
    both.join();
    REQUIRE(echoed == total);
    w.echoed.add(echoed);
}

void echo_in_order(world& w, std::uint64_t start) {
    talk_to_echo(w, start, fate());
}

void live(world& w, region& mine, std::uint64_t start) {
    random_numbers random(start);
    while (!w.over) {
        fate f(random);
        std::uint64_t session = random();
        if (random.below(2) == 0) {
            attempt(w, f, [&] { talk_to_echo(w, session, f); });
            continue;
        }
        w.connections.wait_for_end(mine.left_at);
        if (!attempt(w, f, [&] { talk_to_disk(w, mine, session, f); })) {
            mine.left_at = w.connections.last();
        }
    }
}

}  // namespace soak
