#include <gtest/gtest.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
#include <weft/file.hpp>
#include <weft/task.hpp>

#include "worlds.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;

class file_io : public folder {
protected:
    [[nodiscard]] weft::file create() const { return weft::file::open(path(), weft::file::mode::create); }
    [[nodiscard]] std::uint64_t blocks() const {
        struct stat about {};
        stat(path().c_str(), &about);
        return static_cast<std::uint64_t>(about.st_blocks);
    }
};

TEST_F(file_io, reads_back_what_was_written) {
    in_both_worlds([&] {
        weft::file f = create();
        f.write_all_at(bytes_of("hello, world"), 0);
        std::array<std::byte, 12> buffer{};
        EXPECT_EQ(f.read_at(buffer, 0), 12U);
        EXPECT_EQ(text_of(buffer), "hello, world");
    });
}

TEST_F(file_io, works_outside_a_coroutine) {
    weft::file f = create();
    f.write_all_at(bytes_of("hello"), 0);
    f.sync();
    std::array<std::byte, 5> buffer{};
    EXPECT_EQ(f.read_at(buffer, 0), 5U);
    EXPECT_EQ(text_of(buffer), "hello");
}

TEST_F(file_io, reads_and_writes_at_offsets) {
    in_both_worlds([&] {
        weft::file f = create();
        f.write_all_at(bytes_of("0123456789"), 0);
        f.write_all_at(bytes_of("ab"), 4);
        std::array<std::byte, 4> buffer{};
        EXPECT_EQ(f.read_at(buffer, 3), 4U);
        EXPECT_EQ(text_of(buffer), "3ab6");
    });
}

TEST_F(file_io, a_read_over_the_end_is_short) {
    in_both_worlds([&] {
        weft::file f = create();
        f.write_all_at(bytes_of("abc"), 0);
        std::array<std::byte, 10> buffer{};
        EXPECT_EQ(f.read_at(buffer, 1), 2U);
    });
}

TEST_F(file_io, a_read_at_the_end_gives_nothing) {
    in_both_worlds([&] {
        weft::file f = create();
        f.write_all_at(bytes_of("abc"), 0);
        std::array<std::byte, 10> buffer{};
        std::error_code ec = std::make_error_code(std::errc::io_error);
        EXPECT_EQ(f.read_at(buffer, 3, ec), 0U);
        EXPECT_FALSE(ec);
    });
}

TEST_F(file_io, reads_scattered_and_writes_gathered) {
    in_both_worlds([&] {
        weft::file f = create();
        std::string a = "one";
        std::string b;
        std::string c = "three";
        std::array<iovec, 3> out{{{a.data(), a.size()}, {b.data(), 0}, {c.data(), c.size()}}};
        std::error_code ec;
        EXPECT_EQ(f.write_all_at(out, 0, false, ec), 8U);
        std::array<char, 4> first{};
        std::array<char, 8> second{};
        std::array<iovec, 2> in{{{first.data(), first.size()}, {second.data(), second.size()}}};
        EXPECT_EQ(f.read_at(in, 0, ec), 8U);
        EXPECT_FALSE(ec);
        EXPECT_EQ(std::string(first.data(), 4) + std::string(second.data(), 4), "onethree");
    });
}

TEST_F(file_io, takes_more_buffers_than_the_kernel_does_at_once) {
    in_both_worlds([&] {
        weft::file f = create();
        std::string text(3'000, 'x');
        std::vector<iovec> out;
        for (char& c : text) {
            out.push_back({&c, 1});
        }
        std::error_code ec;
        EXPECT_EQ(f.write_all_at(out, 0, false, ec), text.size());
        EXPECT_FALSE(ec);
        EXPECT_EQ(f.size(), text.size());
    });
}

TEST_F(file_io, writes_durably) {
    in_both_worlds([&] {
        weft::file f = create();
        f.write_all_at(bytes_of("kept"), 0, true);
        EXPECT_EQ(f.size(), 4U);
    });
}

TEST_F(file_io, syncs) {
    in_both_worlds([&] {
        weft::file f = create();
        f.write_all_at(bytes_of("kept"), 0);
        EXPECT_NO_THROW(f.sync());
        EXPECT_NO_THROW(f.sync_data());
        std::error_code ec = std::make_error_code(std::errc::io_error);
        f.sync_data(ec);
        EXPECT_FALSE(ec);
    });
}

TEST_F(file_io, has_a_size_that_can_be_changed) {
    weft::file f = create();
    EXPECT_EQ(f.size(), 0U);
    f.resize(10'000);
    EXPECT_EQ(f.size(), 10'000U);
    f.resize(10);
    EXPECT_EQ(f.size(), 10U);
}

TEST_F(file_io, punch_makes_zeros_and_gives_room_back) {
    in_both_worlds([&] {
        weft::file f = create();
        std::vector<std::byte> ones(1 << 20, std::byte{1});
        f.write_all_at(ones, 0);
        f.sync();
        std::uint64_t blocks_before = blocks();
        std::error_code ec;
        f.punch(0, 512 << 10, ec);
        if (ec == std::errc::operation_not_supported) {
            GTEST_SKIP() << "this file system makes no holes";
        }
        ASSERT_FALSE(ec) << ec.message();
        std::vector<std::byte> read(1 << 20);
        EXPECT_EQ(f.read_at(read, 0), read.size());
        EXPECT_EQ(std::count(read.begin(), read.end(), std::byte{0}), 512 << 10);
        EXPECT_EQ(read.back(), std::byte{1});
        EXPECT_EQ(f.size(), read.size());
        EXPECT_LT(blocks(), blocks_before);
    });
}

TEST_F(file_io, zero_makes_zeros_and_keeps_the_size) {
    in_both_worlds([&] {
        weft::file f = create();
        std::vector<std::byte> ones(64 << 10, std::byte{1});
        f.write_all_at(ones, 0);
        std::error_code ec;
        f.zero(4096, 8192, ec);
        if (ec == std::errc::operation_not_supported) {
            GTEST_SKIP() << "this file system zeroes no ranges";
        }
        ASSERT_FALSE(ec) << ec.message();
        std::vector<std::byte> read(64 << 10);
        f.read_at(read, 0);
        EXPECT_EQ(std::count(read.begin(), read.end(), std::byte{0}), 8192);
        EXPECT_EQ(read[4095], std::byte{1});
        EXPECT_EQ(read[4096], std::byte{0});
        EXPECT_EQ(f.size(), read.size());
    });
}

TEST_F(file_io, allocate_reserves_room) {
    in_both_worlds([&] {
        weft::file f = create();
        std::error_code ec;
        f.allocate(0, 1 << 20, ec);
        if (ec == std::errc::operation_not_supported) {
            GTEST_SKIP() << "this file system reserves nothing";
        }
        ASSERT_FALSE(ec) << ec.message();
        EXPECT_GE(blocks() * 512, 1U << 20);
    });
}

TEST_F(file_io, the_error_for_a_missing_file_names_it) {
    in_both_worlds([&] {
        try {
            auto f = weft::file::open(path(), weft::file::mode::read);
            FAIL() << "opened";
        } catch (std::system_error const& e) {
            EXPECT_EQ(e.code(), std::errc::no_such_file_or_directory);
            EXPECT_NE(std::string(e.what()).find(path().string()), std::string::npos) << e.what();
        }
    });
}

TEST_F(file_io, a_write_to_a_file_opened_for_reading_fails_in_both_forms) {
    in_both_worlds([&] {
        create().close();
        weft::file f = weft::file::open(path(), weft::file::mode::read);
        std::error_code ec;
        EXPECT_EQ(f.write_all_at(bytes_of("no"), 0, false, ec), 0U);
        EXPECT_EQ(ec, std::errc::bad_file_descriptor);
        EXPECT_THROW(f.write_all_at(bytes_of("no"), 0), std::system_error);
    });
}

TEST_F(file_io, create_keeps_what_is_there) {
    create().write_all_at(bytes_of("old"), 0);
    EXPECT_EQ(create().size(), 3U);
}

TEST_F(file_io, a_cancelled_task_begins_no_read) {
    in_both_worlds([&] {
        weft::file f = create();
        f.write_all_at(bytes_of("abc"), 0);
        std::array<std::byte, 3> buffer{};
        auto reader = weft::spawn([&] { return f.read_at(buffer, 0); });
        reader.cancel();
        EXPECT_THROW(reader.join(), std::system_error);
        EXPECT_EQ(buffer[0], std::byte{0});
    });
}

TEST_F(file_io, a_read_past_the_page_cache_lets_others_run_meanwhile) {
    constexpr std::size_t block = 4096;
    weft::file written = create();
    written.write_all_at(bytes_of(std::string(block, 'x')), 0);
    written.sync();  // else the kernel could not read it at once anyway
    int fd = ::open(path().c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (fd < 0) {
        GTEST_SKIP() << "no O_DIRECT here";
    }
    weft::run([&] {
        weft::file f{weft::descriptor(fd)};
        alignas(block) std::array<std::byte, block> buffer{};
        bool ran = false;
        auto other = weft::spawn([&] { ran = true; });
        EXPECT_EQ(f.read_at(buffer, 0), block);
        EXPECT_TRUE(ran);
        EXPECT_EQ(buffer.back(), std::byte{'x'});
        other.join();
    });
}

TEST_F(file_io, a_cancelled_write_leaves_the_buffer_alone_after_its_return) {
    in_both_worlds([&] {
        weft::file f = create();
        for (int i = 0; i < 50; ++i) {
            auto writer = weft::spawn([&] {
                auto buffer = std::make_unique<std::array<std::byte, 256 << 10>>();  // gone when the write returns
                std::error_code ec;
                std::size_t n = f.write_all_at(*buffer, 0, false, ec);
                EXPECT_TRUE(ec ? n < buffer->size() : n == buffer->size());
            });
            let_others_run();
            writer.cancel();
            writer.join();
        }
    });
}

TEST_F(file_io, many_reads_at_once_all_get_their_own_data) {
    in_both_worlds([&] {
        weft::file f = create();
        std::vector<std::uint32_t> numbers(10'000);
        for (std::uint32_t i = 0; i < numbers.size(); ++i) {
            numbers[i] = i;
        }
        f.write_all_at(std::as_bytes(std::span(numbers)), 0);
        int right = 0;
        weft::scope readers;
        for (std::uint32_t i = 0; i < 1'000; ++i) {
            readers.spawn([&, i] {
                std::uint32_t number = 0;
                f.read_at(std::as_writable_bytes(std::span(&number, 1)), i * 7 * sizeof number);
                right += number == i * 7 ? 1 : 0;
            });
        }
        readers.join();
        EXPECT_EQ(right, 1'000);
    });
}

TEST_F(file_io, a_fifo_has_no_positions_to_read_or_write_at) {
    in_both_worlds([&] {
        std::filesystem::path fifo = folder_ / "no_positions";
        ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
        weft::file f = weft::file::open(fifo, weft::file::mode::read_write);
        std::error_code ec;
        EXPECT_EQ(f.write_all_at(bytes_of("hello"), 0, false, ec), 0U);
        EXPECT_EQ(ec, std::errc::invalid_seek);
        std::array<std::byte, 5> buffer{};
        EXPECT_EQ(f.read_at(buffer, 0, ec), 0U);
        EXPECT_EQ(ec, std::errc::invalid_seek);
        std::filesystem::remove(fifo);
    });
}

/// Opens a fifo by force if nobody has done so within some seconds, so that a test that would hang fails instead.
class rescuer {
public:
    explicit rescuer(std::filesystem::path fifo) : fifo_(std::move(fifo)) {}
    ~rescuer() { done(); }
    /// Whether it was called for in time.
    bool done() {
        {
            std::scoped_lock lock(mutex_);
            done_ = true;
        }
        changed_.notify_all();
        if (thread_.joinable()) {
            thread_.join();
        }
        return !stepped_in_;
    }

private:
    void watch() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, 5s, [this] { return done_; })) {
            stepped_in_ = true;
            int fd = ::open(fifo_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
            changed_.wait(lock, [this] { return done_; });
            ::close(fd);
        }
    }

    std::filesystem::path fifo_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
    bool stepped_in_ = false;
    std::thread thread_{[this] { watch(); }};
};

TEST_F(file_io, an_open_that_blocks_does_not_hold_up_the_next_one) {
    in_both_worlds([&] {
        create().close();  // there is an idle worker now
        std::filesystem::path fifo = folder_ / "fifo";
        ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
        rescuer rescue(fifo);
        auto reader = weft::spawn([&] { return weft::file::open(fifo, weft::file::mode::read); });
        auto writer = weft::spawn([&] { return weft::file::open(fifo, weft::file::mode::read_write); });
        weft::file written = writer.join();  // lets the reader go on
        weft::file read = reader.join();
        EXPECT_TRUE(rescue.done()) << "the second open waited for the first";
        std::filesystem::remove(fifo);
    });
}

}  // namespace
