// The second link of a long ready queue: where it leads, and that nobody writes it once its element has gone.

#include <gtest/gtest.h>

#include <vector>
#include <weft/detail/coroutine/ready_queue.hpp>

namespace {

using weft::detail::control_block;

/// A queue that has found itself long, and those that were never in it.
class a_long_ready_queue : public testing::Test {
protected:
    static constexpr std::size_t distance = 16, in_a_turn = 256;

    a_long_ready_queue() {
        for (std::size_t i = 0; i < in_a_turn + 50; ++i) {
            queue.push(blocks[i]);
        }
        queue.begin_turn();
        for (std::size_t i = 0; i < in_a_turn; ++i) {
            queue.pop();
        }
        queue.end_turn(true);
    }

    weft::detail::ready_queue queue;
    std::vector<control_block> blocks = std::vector<control_block>(in_a_turn + 100);
    control_block* fresh = &blocks[in_a_turn + 50];
};

TEST_F(a_long_ready_queue, leads_from_each_to_the_one_sixteen_places_behind_it) {
    for (std::size_t i = 0; i <= distance; ++i) {
        queue.push(fresh[i]);
    }
    EXPECT_EQ(fresh[0].ahead, &fresh[distance]);
    EXPECT_EQ(fresh[1].ahead, nullptr);
}

TEST_F(a_long_ready_queue, writes_to_none_that_was_taken_out) {
    for (std::size_t i = 0; i < distance; ++i) {
        queue.push(fresh[i]);
    }
    while (!queue.empty()) {
        queue.pop();
    }
    queue.push(fresh[distance]);
    EXPECT_EQ(fresh[0].ahead, nullptr);
}

TEST_F(a_long_ready_queue, stays_in_order) {
    queue.push(*fresh);
    for (std::size_t i = in_a_turn; i < in_a_turn + 51; ++i) {
        EXPECT_EQ(&queue.pop(), &blocks[i]);
    }
    EXPECT_TRUE(queue.empty());
}

TEST_F(a_long_ready_queue, that_has_become_short_links_no_more) {
    queue.begin_turn();
    while (!queue.empty()) {
        queue.pop();
    }
    queue.end_turn(false);
    for (std::size_t i = 0; i <= distance; ++i) {
        queue.push(fresh[i]);
    }
    EXPECT_EQ(fresh[0].ahead, nullptr);
}

}  // namespace
