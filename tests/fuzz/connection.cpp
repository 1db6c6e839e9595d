// Fuzzes what a client may send: the whole of a connection, over a real socket, against a small image.
//
// The first byte of the input chooses where it begins: 0 at the handshake; 1 and 2 behind one that went well, without and
// with structured replies.

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <span>
#include <weft/task.hpp>

#include "nbd/connection.hpp"
#include "nbd/log.hpp"

namespace {

std::vector<nbd::image> make_images() {
    nbd::log_to(nullptr);
    std::string path = "/tmp/weft-fuzz-" + std::to_string(getpid()) + ".img";
    std::vector<nbd::image> images;
    images.emplace_back("disk", path, false, 65536);
    unlink(path.c_str());
    return images;
}

nbd::message handshake(unsigned kind) {
    nbd::message m;
    if (kind == 0) {
        return m;
    }
    m.u32(3);
    if (kind == 2) {
        m.u64(nbd::option_magic).u32(static_cast<std::uint32_t>(nbd::option::structured_reply)).u32(0);
    }
    m.u64(nbd::option_magic).u32(static_cast<std::uint32_t>(nbd::option::go)).u32(6).u32(0).u16(0);
    return m;
}

void talk(std::vector<nbd::image>& images, unsigned kind, std::span<std::byte const> input) {
    auto pair = weft::unix_stream_pair();
    weft::unix_stream& ours = pair.first;
    nbd::statistics counts;
    nbd::buffer_pool buffers;
    weft::scope both;
    both.spawn([&, s = std::move(pair.second)]() mutable {
        nbd::connection(std::move(s), "client", images, buffers, counts, 4).serve();
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
    if (counts.in_flight != 0 || counts.errors != 0) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    static std::vector<nbd::image> images = make_images();
    if (size > 0) {
        weft::run([&] { talk(images, data[0] % 3, std::as_bytes(std::span(data, size)).subspan(1)); });
        if (weft::coroutine_count() != 0) {
            std::abort();
        }
    }
    return 0;
}
