// The clients of the I/O soak that talk to the NBD server. Each knows what has to stand in its part of the disk.

#include <algorithm>
#include <limits>

#include "io_session.hpp"
#include "nbd/protocol.hpp"

namespace soak {
namespace {

using nbd::command;

/// The number of so many bytes, in network byte order.
std::uint64_t number(std::span<std::byte const> data) {
    std::uint64_t value = 0;
    for (std::byte b : data) {
        value = value << 8 | std::to_integer<std::uint64_t>(b);
    }
    return value;
}

class disk_client {
public:
    disk_client(world& w, region& mine, line& server, std::uint64_t start)
        : w_(w), mine_(mine), server_(server), random_(start), garbage_at_(random_.below(30)) {}

    void talk() {
        greet();
        choose_export();
        maybe_send_garbage(2);
        for (std::size_t i = random_.below(8); i > 0; --i) {
            ask_and_compare();
        }
        say_goodbye();
    }

    void compare_all() {
        garbage_at_ = nowhere;
        greet();
        choose_export();
        for (std::size_t block = 0; block < region::blocks; ++block) {
            add(command::read, block, 1);
        }
        exchange();
        say_goodbye();
    }

private:
    struct asked {
        command what;
        std::size_t block, count;
        std::uint64_t version;
        bool wrong;  ///< The server has to refuse it.
    };

    // ---- the first part of a connection ---------------------------------------------------------------------------

    void greet() {
        std::array<std::byte, 18> greeting;
        server_.receive_all(greeting);
        REQUIRE(number(std::span(greeting).first<8>()) == nbd::init_magic);
        maybe_send_garbage(0);
        server_.send(nbd::message().u32(nbd::fixed_newstyle | nbd::no_zeroes).data());
        maybe_send_garbage(1);
    }

    void choose_export() {
        if (random_.below(4) == 0) {
            auto unknown = static_cast<nbd::option>(100 + random_.below(100));
            REQUIRE(answer_to(unknown, nbd::message().zeros(random_.below(500))) != nbd::option_reply::ack);
            w_.refused.add();
        }
        if (random_.below(2) == 0) {
            REQUIRE(answer_to(nbd::option::structured_reply, {}) == nbd::option_reply::ack);
            structured_ = true;
        }
        if (random_.below(2) == 0) {
            nbd::message first_export;
            first_export.u32(0).u16(0);
            REQUIRE(answer_to(nbd::option::go, first_export) == nbd::option_reply::ack);
        } else {
            send_option(nbd::option::export_name, nbd::message().text("disk"));
            std::array<std::byte, 10> size_and_flags;
            server_.receive_all(size_and_flags);
            REQUIRE(number(std::span(size_and_flags).first<8>()) >= mine_.offset(region::blocks));
        }
    }

    void send_option(nbd::option which, nbd::message const& data) {
        nbd::message head;
        head.u64(nbd::option_magic)
            .u32(static_cast<std::uint32_t>(which))
            .u32(static_cast<std::uint32_t>(data.data().size()));
        server_.send(head.data());
        server_.send(data.data());
    }

    /// The last reply to an option.
    nbd::option_reply answer_to(nbd::option which, nbd::message const& data) {
        send_option(which, data);
        for (;;) {
            std::array<std::byte, 20> head;
            server_.receive_all(head);
            auto all = std::span<std::byte const>(head);
            REQUIRE(number(all.first(8)) == nbd::option_reply_magic);
            REQUIRE(number(all.subspan(8, 4)) == static_cast<std::uint64_t>(which));
            auto type = static_cast<nbd::option_reply>(number(all.subspan(12, 4)));
            std::vector<std::byte> rest(number(all.subspan(16, 4)));
            server_.receive_all(rest);
            if (type != nbd::option_reply::info) {
                return type;
            }
        }
    }

    /// What no client should send; the server has to end the connection, and nothing else.
    void maybe_send_garbage(std::size_t stage) {
        if (stage != garbage_at_) {
            return;
        }
        std::vector<std::byte> garbage(1 + random_.below(3'000));
        fill(garbage, random_(), 0);
        w_.garbage.add();
        try {
            server_.send(garbage);
            server_.end_sending();
        } catch (std::system_error const& e) {
            if (e.code() == std::errc::operation_canceled || e.code() == std::errc::timed_out) {
                throw;
            }
        }
        server_.drain();
        throw leaving();
    }

    // ---- requests -------------------------------------------------------------------------------------------------

    /// Some requests at once, each to other blocks, so that it does not matter in which order they are done.
    void ask_and_compare() {
        for (std::size_t block = random_.below(3); block < region::blocks && asked_.size() < 8;) {
            std::size_t count = std::min(1 + random_.below(4), region::blocks - block);
            static constexpr std::array choice{command::read,  command::read, command::write,       command::write,
                                               command::write, command::trim, command::write_zeroes};
            add(choice[random_.below(choice.size())], block, count);
            block += count + random_.below(3);
        }
        if (random_.below(8) == 0) {
            add(command::flush, 0, 0);
        }
        if (random_.below(4) == 0) {
            add_wrong();
        }
        exchange();
    }

    void add(command what, std::size_t block, std::size_t count) {
        std::uint64_t version = what == command::write ? random_() | 1 : region::zeros;
        if (what == command::write || what == command::trim || what == command::write_zeroes) {
            for (std::size_t i = block; i < block + count; ++i) {
                mine_.may_become(i, version);
            }
        }
        bool has_range = what != command::flush;
        put_request(what, has_range ? mine_.offset(block) : 0, static_cast<std::uint32_t>(count * block_size));
        asked_.push_back({what, block, count, version, false});
        if (what == command::write) {
            for (std::size_t i = block; i < block + count; ++i) {
                region::content(room(block_size), version, mine_.offset(i));
            }
        }
    }

    /// Past the end, or of no kind that there is.
    void add_wrong() {
        std::size_t which = random_.below(3);
        std::uint64_t far = std::numeric_limits<std::uint64_t>::max() - random_.below(10'000);
        auto what = which == 0 ? command::read : which == 1 ? command::write : static_cast<command>(17);
        put_request(what, far, block_size);
        asked_.push_back({what, 0, 0, 0, true});
        if (what == command::write) {
            fill(room(block_size), far, 0);
        }
    }

    void put_request(command what, std::uint64_t offset, std::uint32_t length) {
        bool durable = what == command::write && random_.below(32) == 0;
        nbd::message head;
        head.u32(nbd::request_magic)
            .u16(durable ? std::uint16_t{nbd::fua} : std::uint16_t{0})
            .u16(static_cast<std::uint16_t>(what))
            .u64(asked_.size())
            .u64(offset)
            .u32(length);
        std::ranges::copy(head.data(), room(head.data().size()).begin());
    }

    /// The next bytes of what is to be sent.
    std::span<std::byte> room(std::size_t size) {
        out_.resize(out_.size() + size);
        return std::span(out_).last(size);
    }

    void exchange() {
        server_.send(out_);
        for (std::size_t i = 0; i < asked_.size(); ++i) {
            structured_ ? receive_structured() : receive_simple();
        }
        asked_.clear();
        out_.clear();
    }

    void receive_simple() {
        std::array<std::byte, 16> head;
        server_.receive_all(head);
        auto all = std::span<std::byte const>(head);
        REQUIRE(number(all.first(4)) == nbd::simple_reply_magic);
        answered(number(all.subspan(8)), number(all.subspan(4, 4)) != 0);
    }

    void receive_structured() {
        std::array<std::byte, 20> head;
        server_.receive_all(head);
        auto all = std::span<std::byte const>(head);
        REQUIRE(number(all.first(4)) == nbd::structured_reply_magic);
        auto type = static_cast<nbd::chunk>(number(all.subspan(6, 2)));
        std::uint64_t length = number(all.subspan(16));
        if (type == nbd::chunk::offset_data) {
            std::array<std::byte, 8> offset;
            server_.receive_all(offset);
        } else {
            std::vector<std::byte> rest(length);
            server_.receive_all(rest);
        }
        answered(number(all.subspan(8, 8)), type == nbd::chunk::error);
    }

    void answered(std::uint64_t cookie, bool refused) {
        REQUIRE(cookie < asked_.size());
        asked const& a = asked_[cookie];
        REQUIRE(refused == a.wrong);
        if (refused) {
            w_.refused.add();
        }
        for (std::size_t i = a.block; i < a.block + a.count; ++i) {
            if (a.what == command::read) {
                std::array<std::byte, block_size> data;
                server_.receive_all(data);
                mine_.found(i, data);
                w_.blocks_compared.add();
            } else if (a.what == command::write || a.what == command::write_zeroes) {
                mine_.is(i, a.version);
                w_.blocks_written.add();
            }  // after a trim there may be zeros, or what was there before
        }
    }

    void say_goodbye() {
        put_request(command::disconnect, 0, 0);
        server_.send(out_);
        std::array<std::byte, 1> more;
        REQUIRE(server_.receive(more) == 0);
    }

    static constexpr std::size_t nowhere = 3;  ///< That, or more.

    world& w_;
    region& mine_;
    line& server_;
    random_numbers random_;
    std::size_t garbage_at_;
    bool structured_ = false;
    std::vector<asked> asked_;
    std::vector<std::byte> out_;
};

}  // namespace

void region::content(std::span<std::byte> to, std::uint64_t version, std::uint64_t offset) {
    if (version == zeros) {
        std::ranges::fill(to, std::byte{0});
    } else {
        fill(to, version, offset);
    }
}

void region::found(std::size_t block, std::span<std::byte const> data) {
    std::array<std::byte, block_size> expected;
    auto same = std::ranges::find_if(possible_[block], [&](std::uint64_t version) {
        content(expected, version, offset(block));
        return std::ranges::equal(expected, data);
    });
    bool what_was_written_is_there = same != possible_[block].end();
    REQUIRE(what_was_written_is_there);
    is(block, *same);
}

void talk_to_disk(world& w, region& mine, std::uint64_t start, fate const& f) {
    random_numbers random(start);
    line server(w.disk, random, f);
    try {
        disk_client(w, mine, server, random()).talk();
    } catch (leaving const&) {
        if (f.how == fate::kind::half_closed) {
            server.drain();
        }
        throw;
    }
}

void compare_on_disk(world& w, region& mine, std::uint64_t start) {
    random_numbers random(start);
    line server(w.disk, random, fate());
    disk_client(w, mine, server, random()).compare_all();
}

}  // namespace soak
