// Fuzzes what a client may send: the whole of a connection, over a real socket, against a small image.
//
// The first byte of the input chooses where it begins: 0 at the handshake; 1, 2 and 3 behind one that went well, with simple
// replies, with structured ones and base:allocation, and with extended headers and that.

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <span>
#include <weft/task.hpp>

#include "nbd/connection.hpp"
#include "nbd/log.hpp"

namespace {

nbd::image make_image() {
    nbd::log_to(-1);
    std::string path = "/tmp/weft-fuzz-" + std::to_string(getpid()) + ".img";
    nbd::image made("disk", path, false, 65536);
    made.describe("for the fuzzer");
    unlink(path.c_str());
    return made;
}

void add_option(nbd::message& to, nbd::option code, nbd::bytes data) {
    to.u64(nbd::option_magic).u32(static_cast<std::uint32_t>(code)).u32(static_cast<std::uint32_t>(data.size()));
    to.text({reinterpret_cast<char const*>(data.data()), data.size()});
}

nbd::message handshake(unsigned kind) {
    nbd::message m;
    if (kind == 0) {
        return m;
    }
    m.u32(3);
    if (kind > 1) {
        add_option(m, kind == 2 ? nbd::option::structured_reply : nbd::option::extended_headers, {});
        nbd::message query;
        query.u32(0).u32(1).u32(nbd::allocation_context.size()).text(nbd::allocation_context);
        add_option(m, nbd::option::set_meta_context, query.data());
    }
    add_option(m, nbd::option::go, nbd::message().u32(0).u16(0).data());
    return m;
}

void talk(nbd::service& shared, unsigned kind, std::span<std::byte const> input) {
    auto pair = weft::unix_stream_pair();
    weft::unix_stream& ours = pair.first;
    weft::scope both;
    both.spawn([&, s = std::move(pair.second)]() mutable {
        nbd::connection(std::move(s), "client", shared, shared.counts[0]).serve();
    });
    both.spawn([&] {  // reads, so that the server is not held up
        std::array<std::byte, 65536> answer;
        std::error_code ec;
        while (ours.read(answer, ec) > 0) {
        }
    });
    std::error_code ec;
    ours.write_all(handshake(kind).data(), ec);
    ours.write_all(input, ec);
    ::shutdown(ours.fd(), SHUT_WR);
    both.join();
    bool all_given_back = shared.memory.available() == shared.limits.max_memory;
    nbd::statistics counts = shared.total();
    if (counts.in_flight != 0 || counts.errors != 0 || !all_given_back) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    static nbd::service shared({.max_in_flight = 4, .max_memory = 64 << 10});
    if (shared.images.empty()) {
        shared.images.push_back(make_image());
    }
    if (size > 0) {
        weft::run([&] { talk(shared, data[0] % 4, std::as_bytes(std::span(data, size)).subspan(1)); });
        if (weft::coroutine_count() != 0) {
            std::abort();
        }
    }
    return 0;
}
