#include "input.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace nbd {

void input::read(std::span<std::byte> data, bool in_a_message) {
    bool begun = in_a_message;
    while (!data.empty()) {
        if (rest_.empty()) {
            bool direct = data.size() >= large;
            // Behind much data comes much data as a rule: what is taken of it together with its head is copied once more.
            std::size_t ahead = std::exchange(last_was_large_, direct) && !direct ? little : buffer_size;
            std::span<std::byte> target = direct ? data : std::span(buffer_.get(), ahead);
            std::size_t n = from_.read(target);
            if (n == 0) {
                throw end_of_input(begun);
            }
            begun = true;
            if (direct) {
                data = data.subspan(n);
                continue;
            }
            rest_ = target.first(n);
        }
        std::size_t n = std::min(data.size(), rest_.size());
        std::memcpy(data.data(), rest_.data(), n);
        data = data.subspan(n);
        rest_ = rest_.subspan(n);
        begun = true;
    }
}

void input::skip(std::uint64_t size) {
    std::array<std::byte, 4096> dropped;
    while (size > 0) {
        auto part = static_cast<std::size_t>(std::min<std::uint64_t>(size, dropped.size()));
        read(std::span(dropped).first(part), true);
        size -= part;
    }
}

}  // namespace nbd
