#include <gtest/gtest.h>

#include <algorithm>
#include <vector>
#include <weft/task.hpp>

#include "nbd/input.hpp"

namespace {

TEST(input, gives_what_was_sent_in_pieces_of_any_size) {
    std::vector<std::byte> sent(2 << 20);
    for (std::size_t i = 0; i < sent.size(); ++i) {
        sent[i] = static_cast<std::byte>(i * 31 + i / 4096);
    }
    std::vector<std::byte> received;
    weft::run([&] {
        auto ours_and_theirs = weft::unix_stream_pair();
        auto& theirs = ours_and_theirs.second;
        weft::scope both;
        both.spawn([&] {
            theirs.write_all(sent);
            theirs.shutdown_write();
        });
        nbd::input in(ours_and_theirs.first);
        // Heads with little and with much data behind them, and data around each limit at which another way is taken.
        std::size_t const sizes[] = {28, 70'000, 28, 28, 16'384, 28, 1, 28, 16'383, 28, 65'536, 28, 4096, 28, 200'000};
        for (std::size_t i = 0; received.size() < sent.size(); ++i) {
            std::size_t left = sent.size() - received.size();
            std::vector<std::byte> piece(std::min(sizes[i % std::size(sizes)], left));
            in.read(piece);
            received.insert(received.end(), piece.begin(), piece.end());
        }
        std::vector<std::byte> more(1);
        EXPECT_THROW(in.read(more), nbd::end_of_input);
        both.join();
    });
    EXPECT_TRUE(received == sent);
}

}  // namespace
