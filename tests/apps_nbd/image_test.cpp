// What the system is asked for when writes are to be durable. That clients are told of those that were lost: tests/nbd/test_disks.py.

#include "nbd/image.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <weft/loop.hpp>
#include <weft/task.hpp>

#include "image_file.hpp"

namespace {

/// Syncs of a whole file, by whoever in this process.
std::atomic<int> syncs = 0;

}  // namespace

extern "C" int fdatasync(int fd) {
    ++syncs;
    return static_cast<int>(syscall(SYS_fdatasync, fd));
}

namespace {

struct durable_writes : testing::Test {
    void SetUp() override {
        if (weft::loop::current().reactor_name() != "epoll") {
            GTEST_SKIP() << "the kernel makes the calls itself";
        }
        syncs = 0;
    }
    void write_at_once(int count) {
        weft::run([&] {
            weft::scope all;
            for (int i = 0; i < count; ++i) {
                all.spawn([&, offset = static_cast<std::uint64_t>(i) * block.size()] {
                    std::error_code ec;
                    disk.write(block, offset, true, ec);
                    EXPECT_FALSE(ec) << ec.message();
                });
            }
            all.join();
        });
    }

    std::array<std::byte, 4096> block{};
    image_file file;
    nbd::image disk{"disk", file.path(), false, std::nullopt};
};

TEST_F(durable_writes, by_themselves_do_not_wait_for_what_others_have_written) {
    write_at_once(1);
    EXPECT_EQ(syncs, 0);
}

TEST_F(durable_writes, at_once_share_syncs) {
    write_at_once(8);
    EXPECT_GE(syncs, 1);
    EXPECT_LT(syncs, 8);
}

}  // namespace
