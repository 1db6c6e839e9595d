// Where io_uring is denied, or is an old kernel's, everything works on epoll, without a word. In threads of their own, since
// what a thread was once denied it is denied for ever.

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <initializer_list>
#include <string>
#include <thread>
#include <vector>
#include <weft/directory.hpp>
#include <weft/process.hpp>
#include <weft/socket.hpp>

#include "worlds.hpp"

#if defined(WEFT_HAS_IO_URING)

#include <liburing.h>

namespace {

/// The operation that the kernel says it does not know, or -1.
std::atomic<int> masked{-1};

}  // namespace

/// In front of liburing's, in this program.
extern "C" io_uring_probe* io_uring_get_probe_ring(io_uring* ring) {
    static auto* const next =
        reinterpret_cast<decltype(io_uring_get_probe_ring)*>(dlsym(RTLD_NEXT, "io_uring_get_probe_ring"));
    io_uring_probe* found = next(ring);
    if (found != nullptr && masked >= 0) {
        found->ops[masked].flags &= static_cast<__u16>(~IO_URING_OP_SUPPORTED);
    }
    return found;
}

#endif

namespace {

using namespace worlds;
using weft::bytes_of;

/// From here on the calling thread's calls of these fail with `error`.
void deny(std::initializer_list<int> calls, int error) {
    std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (int call : calls) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

class where_io_uring_is : public folder {
protected:
    where_io_uring_is() { unsetenv("WEFT_REACTOR"); }

    /// A little of everything.
    void everything_works() {
        in_both_worlds([&] {
            EXPECT_EQ(weft::loop::current().reactor_name(), "epoll");
            weft::tcp_listener listener(loopback());
            auto client = weft::spawn([&] { return weft::tcp_stream::connect(listener.local()); });
            weft::tcp_stream a = listener.accept();
            weft::tcp_stream b = client.join();
            auto reader = weft::spawn([&] { return read_text(b); });
            let_others_run();
            a.write_all(bytes_of("hello"));
            EXPECT_EQ(reader.join(), "hello");
            weft::directory here = weft::directory::open(folder_);
            weft::file f = here.open_file("file", weft::file::mode::create);
            f.write_all_at(bytes_of("kept"), 0, true);
            EXPECT_EQ(a.send_file(f, 0, 4), 4U);
            EXPECT_EQ(read_text(b), "kept");
            here.remove("file");
            weft::udp_socket udp(loopback());
            udp.send_to(bytes_of("datagram"), udp.local());
            std::array<std::byte, 20> buffer;
            EXPECT_EQ(udp.receive_from(buffer).size, 8U);
            weft::process killed = weft::process::spawn({"sleep", "1000"});
            killed.kill();
            EXPECT_EQ(killed.wait().signal(), SIGKILL);
            weft::process echo = weft::process::spawn({"echo", "word"}, {.out = weft::stdio::piped});
            EXPECT_EQ(weft::read_all(echo.out(), 100), "word\n");
            EXPECT_TRUE(echo.wait().success());
            EXPECT_FALSE(weft::resolve("localhost", "80").empty());
        });
    }
};

TEST_F(where_io_uring_is, denied_all_works_on_epoll) {
    std::thread([&] {
        deny({SYS_io_uring_setup}, EPERM);
        everything_works();
    }).join();
}

TEST_F(where_io_uring_is, unknown_to_the_kernel_all_works_on_epoll) {
    std::thread([&] {
        deny({SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register}, ENOSYS);
        everything_works();
    }).join();
}

TEST_F(where_io_uring_is, there_but_nobody_may_enter_it_all_works_on_epoll) {
    std::thread([&] {
        deny({SYS_io_uring_enter}, EPERM);
        everything_works();
    }).join();
}

TEST_F(where_io_uring_is, too_old_to_be_probed_all_works_on_epoll) {
    std::thread([&] {
        deny({SYS_io_uring_register}, EINVAL);
        everything_works();
    }).join();
}

TEST_F(where_io_uring_is, there_but_the_kernel_old_in_other_things_too_all_works_on_epoll) {
    std::thread([&] {
        deny({SYS_io_uring_setup, SYS_epoll_pwait2, SYS_openat2}, ENOSYS);
        everything_works();
    }).join();
}

/// The calls that the library makes and that Linux has had for no longer than since 4.6.
constexpr std::initializer_list<int> newer_calls = {SYS_epoll_pwait2, SYS_openat2,    SYS_preadv2,
                                                    SYS_pwritev2,     SYS_pidfd_open, SYS_pidfd_send_signal};

TEST_F(where_io_uring_is, there_but_newer_calls_are_denied_older_ones_serve_whatever_the_denial_says) {
    for (int error : {EPERM, ENOSYS, EACCES}) {
        SCOPED_TRACE(error);
        std::thread([&] {
            deny({SYS_io_uring_setup}, error);
            deny(newer_calls, error);
            everything_works();
        }).join();
    }
}

TEST_F(where_io_uring_is, there_but_newer_calls_are_denied_while_the_loop_is_in_use_older_ones_serve) {
    std::thread([&] {
        deny({SYS_io_uring_setup}, EPERM);
        everything_works();
        deny(newer_calls, EPERM);
        everything_works();
    }).join();
}

#if defined(WEFT_HAS_IO_URING)

TEST_F(where_io_uring_is, without_an_operation_that_is_needed_all_works_on_epoll) {
    for (int op : {IORING_OP_RECVMSG, IORING_OP_ACCEPT, IORING_OP_ASYNC_CANCEL, IORING_OP_FALLOCATE}) {
        SCOPED_TRACE(op);
        masked = op;
        std::thread([&] { everything_works(); }).join();
        masked = -1;
    }
    std::thread([] { EXPECT_EQ(weft::loop::current().reactor_name(), "io_uring"); }).join();
}

#endif

/// openat2(2) is missing: a directory goes its way step by step.
class where_openat2_is_missing : public folder {};

TEST_F(where_openat2_is_missing, a_file_that_may_not_be_opened_is_still_refused) {
    std::thread([&] {
        deny({SYS_openat2}, EPERM);
        weft::directory here = weft::directory::open(folder_);
        std::error_code ec;
        EXPECT_FALSE(here.open_file("none", weft::file::mode::read, ec));
        EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
    }).join();
}

TEST_F(where_openat2_is_missing, names_are_followed_step_by_step_and_lead_through_no_link) {
    std::filesystem::create_directories(path("a") / "b");
    std::filesystem::create_symlink("a", path("link"));
    std::filesystem::create_symlink("/etc/passwd", path("out"));
    std::thread([&] {
        deny({SYS_openat2}, ENOSYS);
        weft::directory here = weft::directory::open(folder_);
        here.open_file("a/b/file", weft::file::mode::create_new).write_all_at(bytes_of("deep"), 0);
        EXPECT_EQ(here.status("a//b/file").size, 4U);
        EXPECT_EQ(here.open_directory("a/b").list().size(), 1U);
        std::error_code ec;
        EXPECT_FALSE(here.open_file("link/b/file", weft::file::mode::read, ec));
        EXPECT_EQ(ec, std::errc::not_a_directory);
        EXPECT_FALSE(here.open_file("out", weft::file::mode::read, ec));
        EXPECT_EQ(ec, std::errc::too_many_symbolic_link_levels);
        for (char const* name : {"../x", "a/../../x", "/etc/passwd", "a/.."}) {
            EXPECT_FALSE(here.open_file(name, weft::file::mode::read, ec)) << name;
            EXPECT_EQ(ec, std::errc::cross_device_link) << name;
        }
        EXPECT_FALSE(here.open_file(std::string(300, 'x'), weft::file::mode::read, ec));
        EXPECT_EQ(ec, std::errc::filename_too_long);
        here.remove("a/b/file");
        here.remove_directory("a/b/");
    }).join();
    EXPECT_FALSE(std::filesystem::exists(path("a") / "b"));
}

}  // namespace
