// Requests for which the memory runs out: at each place where one needs some, the client learns of it, and is served on.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>
#include <weft/task.hpp>

#include "image_file.hpp"
#include "nbd/connection.hpp"

namespace {

/// While it is armed, the program's allocation number `countdown` from then on is refused, and with `all_behind` all later ones.
std::atomic<bool> armed = false;
std::atomic<long> countdown = 0;
std::atomic<bool> all_behind = false;
std::atomic<long> refused = 0;

bool is_refused() {
    if (!armed) {
        return false;
    }
    long number = countdown--;
    bool yes = number == 0 || (number < 0 && all_behind);
    refused += yes ? 1 : 0;
    return yes;
}

}  // namespace

// All forms, as a sanitizer's library has each of them by itself, and tells those of one from those of the other.
[[gnu::noinline]] void* operator new(std::size_t size, std::nothrow_t const&) noexcept {
    return is_refused() ? nullptr : std::malloc(size != 0 ? size : 1);
}
[[gnu::noinline]] void* operator new[](std::size_t size, std::nothrow_t const&) noexcept {
    return is_refused() ? nullptr : std::malloc(size != 0 ? size : 1);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
    void* memory = ::operator new(size, std::nothrow);
    return memory != nullptr ? memory : throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new[](std::size_t size) {
    void* memory = ::operator new(size, std::nothrow);
    return memory != nullptr ? memory : throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
    std::free(memory);
}
// Of what its constructor threw out of.
[[gnu::noinline]] void operator delete(void* memory, std::nothrow_t const&) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::nothrow_t const&) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace {

/// A client, and the connection that serves it. All that asks needs no memory of its own.
class served_client {
public:
    served_client() {
        shared_.images.emplace_back("disk", file_.path(), false, std::nullopt);
        auto ours_and_theirs = weft::unix_stream_pair();
        stream_ = std::move(ours_and_theirs.first);
        serving_ = weft::spawn([this, s = std::move(ours_and_theirs.second)]() mutable {
            nbd::connection(std::move(s), "client", shared_, shared_.counts[0]).serve();
        });
        std::array<std::byte, 18> greeting;
        stream_.read_exact(greeting);
        stream_.write_all(nbd::message().u32(3).data());
        option(nbd::option::extended_headers, {});
        option(nbd::option::set_meta_context,
               nbd::message().u32(0).u32(1).u32(nbd::allocation_context.size()).text(nbd::allocation_context).data());
        option(nbd::option::go, nbd::message().u32(0).u16(0).data());
    }
    ~served_client() { stream_.shutdown(); }

    /// Sends a request and takes its reply. Returns the error that the server tells of; nothing if it ended the connection.
    std::optional<nbd::error> ask(nbd::request const& r, std::size_t payload) {
        send_head(r);
        send_zeros(payload);
        auto type = std::uint16_t{0};
        std::uint64_t length = 0;
        std::array<unsigned char, 32> head{};
        if (!receive(head.data(), head.size())) {
            return std::nullopt;
        }
        type = static_cast<std::uint16_t>(head[6] << 8 | head[7]);
        for (int i = 24; i < 32; ++i) {
            length = length << 8 | head[static_cast<std::size_t>(i)];
        }
        std::array<unsigned char, 4> error{};
        bool failed = type == static_cast<std::uint16_t>(nbd::chunk::error);
        if (failed && !receive(error.data(), error.size())) {
            return std::nullopt;
        }
        std::array<unsigned char, 4096> dropped{};
        for (length -= failed ? error.size() : 0; length > 0;) {
            auto part = std::min<std::uint64_t>(length, dropped.size());
            if (!receive(dropped.data(), part)) {
                return std::nullopt;
            }
            length -= part;
        }
        return static_cast<nbd::error>(error[3]);
    }

private:
    void option(nbd::option code, nbd::bytes data) {
        auto number = static_cast<std::uint32_t>(code);
        stream_.write_all(
            nbd::message().u64(nbd::option_magic).u32(number).u32(static_cast<std::uint32_t>(data.size())).data());
        stream_.write_all(data);
        for (std::array<std::byte, 20> head{}; head[15] != std::byte{1};) {  // to its ACK
            stream_.read_exact(head);
            auto length = std::to_integer<std::size_t>(head[18]) << 8 | std::to_integer<std::size_t>(head[19]);
            std::vector<std::byte> about(length);
            stream_.read_exact(about);
        }
    }

    void send_head(nbd::request const& r) {
        std::array<unsigned char, nbd::extended_request_size> head;
        std::size_t size = 0;
        auto add = [&](std::uint64_t value, unsigned length) {
            for (; length > 0; --length) {
                head[size++] = static_cast<unsigned char>(value >> (8 * (length - 1)));
            }
        };
        add(nbd::extended_request_magic, 4);
        add(r.flags, 2);
        add(static_cast<std::uint16_t>(r.type), 2);
        add(r.cookie, 8);
        add(r.offset, 8);
        add(r.length, 8);
        (void)!::send(stream_.fd(), head.data(), size, MSG_NOSIGNAL);
    }

    void send_zeros(std::size_t size) {
        static constexpr std::array<char, 65536> zeros{};
        while (size > 0) {
            ssize_t n = ::send(stream_.fd(), zeros.data(), std::min(size, zeros.size()), MSG_DONTWAIT | MSG_NOSIGNAL);
            size -= n > 0 ? static_cast<std::size_t>(n) : 0;
            if (n < 0 && errno != EAGAIN) {
                return;
            }
            weft::yield();
        }
    }

    bool receive(unsigned char* to, std::size_t size) {
        while (size > 0) {
            ssize_t n = ::recv(stream_.fd(), to, size, MSG_DONTWAIT);
            if (n == 0 || (n < 0 && errno != EAGAIN)) {
                return false;
            }
            if (n < 0) {
                weft::yield();
                continue;
            }
            to += n;
            size -= static_cast<std::size_t>(n);
        }
        return true;
    }

    image_file file_;
    nbd::service shared_{nbd::client_limits{}};
    weft::stream stream_;
    weft::task<void> serving_;
};

struct kind_of_request {
    char const* name;
    nbd::command type;
    std::uint64_t offset;
    std::uint64_t length;
    unsigned flags = 0;
    nbd::error expected = nbd::error::none;
};

constexpr kind_of_request kinds[] = {
    {"a small read", nbd::command::read, 0, 4096},
    {"a large read", nbd::command::read, 0, 1 << 20},
    {"a small write", nbd::command::write, 0, 4096},
    {"a durable write", nbd::command::write, 8192, 4096, nbd::fua},
    {"a large write", nbd::command::write, 0, 1 << 20},
    {"a write in pieces", nbd::command::write, 0, 5 << 20},
    {"a flush", nbd::command::flush, 0, 0},
    {"a trim", nbd::command::trim, 0, 1 << 20},
    {"a write of zeroes", nbd::command::write_zeroes, 0, 1 << 20, nbd::no_hole},
    {"a hint", nbd::command::cache, 0, 1 << 20},
    {"a block status", nbd::command::block_status, 0, image_size},
    {"a read past the end", nbd::command::read, image_size, 4096, 0, nbd::error::invalid},
    {"a write past the end", nbd::command::write, image_size, 4096, 0, nbd::error::no_space},
    {"an unknown command", static_cast<nbd::command>(77), 0, 0, 0, nbd::error::invalid},
};

/// Asks for the same with the memory running out at the 1st, the 2nd, ... place, until it does not run out.
void ask_until_it_passes(served_client& client, kind_of_request const& kind, bool from_there_on) {
    nbd::request const r{static_cast<std::uint16_t>(kind.flags), kind.type, 1, kind.offset, kind.length};
    std::size_t payload = kind.type == nbd::command::write ? kind.length : 0;
    for (long number = 0;; ++number) {
        all_behind = from_there_on;
        countdown = number;
        refused = 0;
        armed = true;
        auto error = client.ask(r, payload);
        armed = false;
        SCOPED_TRACE(std::string(kind.name) + ", allocation " + std::to_string(number));
        ASSERT_TRUE(error) << "the connection was cut";
        EXPECT_TRUE(*error == kind.expected || (refused > 0 && *error == nbd::error::no_memory))
            << static_cast<std::uint32_t>(*error);
        if (refused == 0) {
            return;
        }
    }
}

class memory_that_runs_out : public testing::TestWithParam<bool> {};

TEST_P(memory_that_runs_out, fails_the_request_and_not_the_connection) {
    nbd::log_to(-1);
    weft::run([] {
        served_client client;
        for (kind_of_request const& kind : kinds) {
            ask_until_it_passes(client, kind, GetParam());
        }
    });
    nbd::log_to(STDERR_FILENO);
}

TEST(buffer_pool, gives_up_what_it_keeps_where_memory_runs_out) {
    nbd::buffer_pool pool(1 << 20);
    { nbd::buffer kept(pool, 4096); }
    all_behind = false;
    countdown = 0;
    armed = true;
    nbd::buffer found(pool, 8192);
    armed = false;
    EXPECT_EQ(found.span().size(), 8192U);
    EXPECT_EQ(pool.kept(), 0U);
}

INSTANTIATE_TEST_SUITE_P(where, memory_that_runs_out, testing::Values(false, true),
                         [](auto const& about) { return std::string(about.param ? "from_there_on" : "once"); });

}  // namespace
