#include "nbd/buffers.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace {

constexpr std::size_t mib = 1 << 20;

TEST(buffer_pool, gives_again_what_came_back) {
    nbd::buffer_pool pool(8 * mib);
    std::byte const* first = nbd::buffer(pool, 3000).span().data();
    EXPECT_EQ(pool.kept(), 4096U);
    EXPECT_EQ(nbd::buffer(pool, 4000).span().data(), first);
}

TEST(buffer_pool, keeps_no_more_than_is_left_beside_what_is_in_use) {
    nbd::buffer_pool pool(4 * mib);
    nbd::buffer in_use(pool, 3 * mib / 2);
    { nbd::buffer one(pool, mib), other(pool, mib); }
    EXPECT_EQ(pool.kept(), 2 * mib);
    { nbd::buffer third(pool, mib), fourth(pool, mib), fifth(pool, mib); }
    EXPECT_EQ(pool.kept(), 2 * mib);
}

TEST(buffer_pool, gives_up_what_it_keeps_for_what_is_needed) {
    nbd::buffer_pool pool(4 * mib);
    { nbd::buffer one(pool, 2 * mib), other(pool, mib); }
    ASSERT_EQ(pool.kept(), 3 * mib);
    nbd::buffer small(pool, 512 << 10);
    EXPECT_EQ(pool.kept(), 3 * mib);
    nbd::buffer needed(pool, 4 * mib);
    EXPECT_EQ(pool.kept(), 0U);
}

TEST(buffer_pool, keeps_64_mib_whatever_the_limit) {
    nbd::buffer_pool pool(1024 * mib);
    {
        std::vector<nbd::buffer> many;
        for (int i = 0; i < 70; ++i) {
            many.emplace_back(pool, mib);
        }
    }
    EXPECT_EQ(pool.kept(), 64 * mib);
}

}  // namespace
