// Calls that block and never return: whoever waits for one lets go of it, and so does the end of a loop and of the program.

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <thread>
#include <weft/directory.hpp>
#include <weft/file.hpp>
#include <weft/limit.hpp>
#include <weft/task.hpp>

#include "worlds.hpp"

namespace {

/// How many openings of a FIFO have begun.
std::atomic<int> openings{0};

}  // namespace

/// In front of the system's, in this program: the library, which is compiled for 64-bit offsets, calls this.
extern "C" int open64(char const* name, int flags, ...) {
    static auto* const next = reinterpret_cast<decltype(open64)*>(dlsym(RTLD_NEXT, "open64"));
    va_list rest;
    va_start(rest, flags);
    mode_t permissions = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    openings += std::string_view(name).ends_with("/fifo") ? 1 : 0;
    openings.notify_all();
    return next(name, flags, permissions);
}

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;

/// A FIFO that nobody writes to: whoever opens it for reading waits for that.
class letting_go : public folder {
protected:
    letting_go() {
        openings = 0;
        EXPECT_EQ(::mkfifo(fifo().c_str(), 0600), 0);
    }

    [[nodiscard]] std::filesystem::path fifo() const { return path("fifo"); }

    /// None of its threads is in a call yet.
    template <class F>
    static void on_a_new_loop(F body) {
        std::thread([&] { weft::run(body); }).join();
    }

    /// The other tasks of the loop run until so many of them are in the system's call.
    static void wait_for_openings(int count) {
        let_others_run_on();
        for (int now = openings; now < count; now = openings) {
            openings.wait(now);
        }
    }

    /// Has the opening return that still waits in some thread, and waits until what it returned is closed.
    void expect_that_the_call_returns_and_nothing_is_left() {
        int writer = ::open(fifo().c_str(), O_WRONLY | O_CLOEXEC);
        pollfd no_reader{.fd = writer, .events = 0, .revents = 0};
        do {
            weft::loop::current().run_once(false);
        } while (::poll(&no_reader, 1, 1) == 0);
        EXPECT_EQ(no_reader.revents, POLLERR);
        ::close(writer);
    }
};

TEST_F(letting_go, of_an_open_that_does_not_return_ends_its_task) {
    int count = 0;
    in_both_worlds([&] {
        auto opening = weft::spawn([&] { (void)weft::file::open(fifo(), weft::file::mode::read); });
        wait_for_openings(++count);
        opening.cancel();
        EXPECT_EQ(error_of(opening), std::errc::operation_canceled);
    });
    expect_that_the_call_returns_and_nothing_is_left();
}

TEST_F(letting_go, of_an_open_that_does_not_return_when_its_time_is_over) {
    in_both_worlds([&] {
        std::error_code ec;
        EXPECT_FALSE(weft::with_limit(1ms, [&] { return weft::file::open(fifo(), weft::file::mode::read, ec); }));
        EXPECT_EQ(ec, std::errc::timed_out);
    });
}

TEST_F(letting_go, of_a_directory_s_file_leaves_the_directory_free_to_be_closed) {
    in_both_worlds([&] {
        {
            weft::directory here = weft::directory::open(folder_);
            auto opening = weft::spawn([&] { (void)here.open_file("fifo", weft::file::mode::read); });
            let_others_run_on();
            opening.cancel();
            EXPECT_EQ(error_of(opening), std::errc::operation_canceled);
        }
    });
}

TEST_F(letting_go, at_the_end_of_run_lets_the_thread_and_its_loop_end) {
    std::thread([&] {
        weft::run([&] {
            auto opening = weft::spawn([&] { (void)weft::file::open(fifo(), weft::file::mode::read); });
            wait_for_openings(1);
            opening.detach();
        });
    }).join();
    expect_that_the_call_returns_and_nothing_is_left();
}

TEST_F(letting_go, lets_the_program_end) {
    auto program = [&] {
        weft::run([&] {
            auto opening = weft::spawn([&] { (void)weft::file::open(fifo(), weft::file::mode::read); });
            wait_for_openings(1);
            opening.detach();
        });
        std::filesystem::remove_all(folder_);  // exit() does not come by its owner
        std::exit(7);
    };
    EXPECT_EXIT(program(), testing::ExitedWithCode(7), "^$");
}

TEST_F(letting_go, is_not_needed_for_what_no_thread_has_begun) {
    on_a_new_loop([&] {
        constexpr int as_many_as_run_at_once = 64;
        weft::scope stuck;
        for (int i = 0; i < as_many_as_run_at_once; ++i) {
            stuck.spawn([&] { (void)weft::file::open(fifo(), weft::file::mode::read); });
        }
        wait_for_openings(as_many_as_run_at_once);
        std::error_code ec;
        EXPECT_FALSE(weft::with_limit(1ms, [&] { return weft::file::open(path(), weft::file::mode::create, ec); }));
        EXPECT_EQ(ec, std::errc::timed_out);
        weft::descriptor writer(::open(fifo().c_str(), O_WRONLY | O_CLOEXEC));
        stuck.join();
    });
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(letting_go, is_not_needed_for_files_to_go_on) {
    on_a_new_loop([&] {
        weft::file f = weft::file::open(path(), weft::file::mode::create);
        weft::scope stuck;
        for (int i = 0; i < 100; ++i) {
            stuck.spawn([&] { (void)weft::file::open(fifo(), weft::file::mode::read); });
        }
        wait_for_openings(64);
        f.write_all_at(bytes_of("written"), 0, true);
        f.sync();
        stuck.cancel();
        stuck.join();
    });
    expect_that_the_call_returns_and_nothing_is_left();
}

}  // namespace
