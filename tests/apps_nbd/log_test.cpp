#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>

#include "nbd/line_limit.hpp"
#include "nbd/log.hpp"

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 60s;

/// The log goes into a pipe meanwhile.
class captured_log {
public:
    captured_log() {
        EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0);
        fcntl(ends_[0], F_SETFL, O_NONBLOCK);
        nbd::log_to(ends_[1]);
    }
    ~captured_log() {
        nbd::log_to(STDERR_FILENO);
        close(ends_[0]);
        close(ends_[1]);
    }

    std::string read() {
        std::array<char, 65536> buffer;
        ssize_t n = ::read(ends_[0], buffer.data(), buffer.size());
        return {buffer.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
    }

private:
    std::array<int, 2> ends_{};
};

std::string logged(std::string_view text) {
    captured_log log;
    nbd::log_line(text);
    nbd::flush_log(patience);
    return log.read();
}

TEST(log, a_line_has_the_programs_name) {
    EXPECT_EQ(logged("hello"), "weft-nbd: hello\n");
}

TEST(log, what_could_forge_a_line_or_harm_a_terminal_is_escaped) {
    EXPECT_EQ(logged("a\nb\r\x1b[31m\x07\x7f"), "weft-nbd: a\\x0ab\\x0d\\x1b[31m\\x07\\x7f\n");
    EXPECT_EQ(logged(std::string_view("nul\0end", 7)), "weft-nbd: nul\\x00end\n");
}

TEST(log, utf8_stays_and_what_is_none_is_escaped) {
    EXPECT_EQ(logged("gr\xc3\xb6\xc3\x9f"
                     "e \xe2\x82\xac \xf0\x9f\xa6\x8a"),
              "weft-nbd: gr\xc3\xb6\xc3\x9f"
              "e \xe2\x82\xac \xf0\x9f\xa6\x8a\n");
    EXPECT_EQ(logged("\xff\xc3 \xc0\xaf \xed\xa0\x80"), "weft-nbd: \\xff\\xc3 \\xc0\\xaf \\xed\\xa0\\x80\n");
    EXPECT_EQ(logged("\xc2\x9b"), "weft-nbd: \\xc2\\x9b\n");           // a control character of its own
    EXPECT_EQ(logged("\xe2\x80\xae"), "weft-nbd: \\xe2\\x80\\xae\n");  // turns the direction of the text
}

TEST(log, quotation_marks_can_not_be_ended_from_inside) {
    EXPECT_EQ(nbd::in_quotes("a\"b\\c\n"), R"("a\"b\\c\x0a")");
}

TEST(log, a_long_line_is_cut) {
    std::string line = logged(std::string(100'000, 'x'));
    EXPECT_LT(line.size(), 3000U);
    EXPECT_TRUE(line.ends_with("...\n"));
}

TEST(log, lines_that_find_no_room_are_counted) {
    captured_log log;
    std::string const filler(1000, 'x');
    for (int i = 0; i < 1000; ++i) {
        nbd::log_line(filler);  // nobody reads: the pipe fills up, then the queue, and this returns all the same
    }
    std::string all;
    while (all.find("lines were lost here") == std::string::npos) {
        all += log.read();
        nbd::log_line("one more");
    }
    while (!nbd::flush_log(1ms)) {
        log.read();
    }
}

TEST(log, a_line_for_nobody_is_no_fault) {
    {
        captured_log log;
        nbd::log_to(-1);
        nbd::log_line("nobody");
        nbd::flush_log(patience);
    }
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(full, 0);
    nbd::log_to(full);
    nbd::log_line("no room");
    nbd::flush_log(patience);
    nbd::log_to(STDERR_FILENO);
    close(full);
}

TEST(line_limit, lets_some_pass_at_once_and_then_some_a_second) {
    nbd::line_limit limit(3, 2);
    auto now = weft::clock::now();
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(limit.allow(now));
    }
    EXPECT_FALSE(limit.allow(now));
    EXPECT_FALSE(limit.allow(now + 100ms));
    EXPECT_EQ(limit.take_left_out(), 2U);
    EXPECT_EQ(limit.take_left_out(), 0U);
    EXPECT_TRUE(limit.allow(now + 700ms));
    EXPECT_FALSE(limit.allow(now + 700ms));
}

TEST(numbers, are_for_people) {
    EXPECT_EQ(nbd::human_size(512), "512 B");
    EXPECT_EQ(nbd::human_size(3ULL << 29), "1.5 GiB");
    EXPECT_EQ(nbd::counted(1, "line"), "1 line");
    EXPECT_EQ(nbd::counted(2, "line"), "2 lines");
}

}  // namespace
