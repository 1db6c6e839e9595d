// What a client sends, read through a buffer: many small requests come in one piece.

#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <weft/socket.hpp>

namespace nbd {

/// The client has gone. `in_the_middle`: of a message.
struct end_of_input : std::runtime_error {
    explicit end_of_input(bool middle)
        : std::runtime_error("the connection ended in the middle of a message"), in_the_middle(middle) {}
    bool in_the_middle;
};

class input {
public:
    explicit input(weft::stream& from) : from_(from) {}

    /// Fills `data`. `in_a_message`: a message that has begun before it. Throws end_of_input, std::system_error. Suspends.
    void read(std::span<std::byte> data, bool in_a_message = false);

    template <std::size_t Size>
    std::array<std::byte, Size> read() {
        std::array<std::byte, Size> data;
        read(data);
        return data;
    }

    /// Reads `size` bytes of a message and forgets them. Suspends.
    void skip(std::uint64_t size);

private:
    static constexpr std::size_t buffer_size = 64 << 10;
    static constexpr std::size_t large = 16 << 10;  ///< From here on data goes straight to where it is wanted.
    static constexpr std::size_t little = 1 << 10;

    weft::stream& from_;
    std::unique_ptr<std::byte[]> buffer_ = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    std::span<std::byte> rest_;
    bool last_was_large_ = false;
};

}  // namespace nbd
