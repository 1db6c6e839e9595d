#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>
#include <weft/byte_stream.hpp>
#include <weft/process.hpp>
#include <weft/select.hpp>
#include <weft/signals.hpp>
#include <weft/unix.hpp>
#include <weft/when.hpp>

#include "worlds.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;
using weft::process;
using weft::stdio;

class process_in_a_folder : public folder {};

process shell(std::string const& script, weft::process_options const& options = {}) {
    return process::spawn({"/bin/sh", "-c", script}, options);
}

bool has_children() {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

TEST(process, returns_its_status) {
    in_both_worlds([] {
        weft::exit_status status = shell("exit 3").wait();
        EXPECT_TRUE(status.exited());
        EXPECT_EQ(status.code(), 3);
        EXPECT_FALSE(status.success());
        EXPECT_EQ(status.text(), "exited with 3");
        EXPECT_TRUE(shell("exit 0").wait().success());
    });
}

TEST(process, tells_the_signal_that_ended_it) {
    in_both_worlds([] {
        weft::exit_status status = shell("kill -TERM $$").wait();
        EXPECT_TRUE(status.signalled());
        EXPECT_EQ(status.signal(), SIGTERM);
        EXPECT_EQ(status.code(), -1);
        EXPECT_EQ(status.text(), "killed by signal 15 (Terminated)");
    });
}

TEST(process, can_be_waited_for_again_and_by_several) {
    in_both_worlds([] {
        process child = shell("read line; exit 5", {.in = stdio::piped});
        auto first = weft::spawn([&] { return child.wait(); });
        auto second = weft::spawn([&] { return child.wait(); });
        let_others_run_on();
        child.in().close();
        EXPECT_EQ(first.join().code(), 5);
        EXPECT_EQ(second.join().code(), 5);
        EXPECT_EQ(child.wait().code(), 5);
    });
}

TEST(process, has_pipes_to_all_three_streams) {
    in_both_worlds([] {
        process child = shell("read line; echo \"out $line\"; echo \"error $line\" >&2",
                              {.in = stdio::piped, .out = stdio::piped, .error = stdio::piped});
        child.in().write_all(bytes_of("word\n"));
        EXPECT_EQ(weft::read_all(child.out(), 100), "out word\n");
        EXPECT_EQ(weft::read_all(child.error(), 100), "error word\n");
        EXPECT_TRUE(child.wait().success());
    });
}

TEST(process, more_than_its_pipes_hold_goes_through_it) {
    in_both_worlds([] {
        std::string text(500'000, 'x');
        process cat = process::spawn({"cat"}, {.in = stdio::piped, .out = stdio::piped});
        auto writer = weft::spawn([&] {
            cat.in().write_all(bytes_of(text));
            cat.in().close();
        });
        EXPECT_TRUE(weft::read_all(cat.out(), 1 << 20) == text);
        writer.join();
        EXPECT_TRUE(cat.wait().success());
    });
}

TEST(process, may_have_errors_go_where_its_output_goes) {
    in_both_worlds([] {
        process child = shell("echo one; echo two >&2", {.out = stdio::piped, .error = stdio::as_out});
        EXPECT_EQ(weft::read_all(child.out(), 100), "one\ntwo\n");
    });
}

TEST(process, may_have_nothing_to_read_and_nobody_to_write_to) {
    in_both_worlds([] {
        process child = shell("cat; echo lost", {.in = stdio::null, .out = stdio::null});
        EXPECT_TRUE(child.wait().success());
    });
}

TEST_F(process_in_a_folder, may_have_a_descriptor_of_the_parents) {
    in_both_worlds([&] {
        weft::descriptor log(::open(path().c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600));
        EXPECT_TRUE(shell("echo logged", {.out = stdio{log.fd()}}).wait().success());
        std::string line;
        std::getline(std::ifstream(path()) >> std::ws, line);
        EXPECT_EQ(line, "logged");
    });
}

TEST_F(process_in_a_folder, runs_in_a_directory) {
    in_both_worlds([&] {
        process child = shell("pwd -P", {.out = stdio::piped, .working_directory = folder_});
        EXPECT_EQ(weft::read_all(child.out(), 1000), std::filesystem::canonical(folder_).string() + '\n');
    });
}

TEST(process, has_the_environment_that_it_is_given_or_the_parents) {
    in_both_worlds([] {
        process child =
            shell("echo \"$ONE $HOME\"", {.out = stdio::piped, .environment = std::vector<std::string>{"ONE=1"}});
        EXPECT_EQ(weft::read_all(child.out(), 1000), "1 \n");
        setenv("WEFT_TEST_WORD", "inherited", 1);
        process other = shell("echo $WEFT_TEST_WORD", {.out = stdio::piped});
        EXPECT_EQ(weft::read_all(other.out(), 1000), "inherited\n");
    });
}

TEST(process, a_program_that_there_is_not_is_an_error_of_spawn_that_names_it) {
    in_both_worlds([] {
        std::system_error e = thrown_by([] { (void)process::spawn({"no-such-program"}); });
        EXPECT_EQ(e.code(), std::errc::no_such_file_or_directory);
        EXPECT_NE(std::string(e.what()).find("no-such-program"), std::string::npos) << e.what();
        EXPECT_FALSE(has_children());
    });
}

TEST_F(process_in_a_folder, what_cannot_be_run_is_an_error_of_spawn) {
    in_both_worlds([&] {
        std::ofstream(path()) << "no program";
        chmod(path().c_str(), 0600);
        std::error_code ec;
        EXPECT_FALSE(process::spawn({path().string()}, {}, ec));
        EXPECT_EQ(ec, std::errc::permission_denied);
        chmod(path().c_str(), 0700);
        std::ofstream(path("empty.elf")) << "\x7f"
                                            "ELF";
        chmod(path("empty.elf").c_str(), 0700);
        EXPECT_FALSE(process::spawn({path("empty.elf").string()}, {}, ec));
        EXPECT_EQ(ec, std::errc::executable_format_error);
        EXPECT_FALSE(process::spawn({"true"}, {.working_directory = path("nowhere")}, ec));
        EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
        EXPECT_FALSE(process::spawn({}, {}, ec));
        EXPECT_EQ(ec, std::errc::invalid_argument);
    });
}

TEST(process, is_killed_when_its_owner_goes_and_leaves_no_zombie) {
    in_both_worlds([] {
        long before = open_descriptors();
        {
            process child = shell("exec sleep 1000", {.in = stdio::piped, .out = stdio::piped});
            EXPECT_TRUE(has_children());
        }
        EXPECT_FALSE(has_children());
        EXPECT_EQ(open_descriptors(), before);
    });
}

TEST(process, is_killed_when_an_exception_or_a_cancellation_leaves_its_scope) {
    in_both_worlds([] {
        auto owner = weft::spawn([] {
            process child = shell("exec sleep 1000");
            child.wait();
        });
        while (!has_children()) {
            let_others_run();
        }
        owner.cancel();
        EXPECT_EQ(error_of(owner), std::errc::operation_canceled);
        EXPECT_FALSE(has_children());
    });
}

TEST(process, a_spawn_that_is_cancelled_leaves_nothing) {
    in_both_worlds([] {
        long before = open_descriptors();
        for (int turns = 0; turns < 20; ++turns) {
            auto starter = weft::spawn([] { shell("exec sleep 1000", {.out = stdio::piped}).wait(); });
            for (int i = 0; i < turns; ++i) {
                let_others_run();
            }
            starter.cancel();
            EXPECT_EQ(error_of(starter), std::errc::operation_canceled);
            EXPECT_FALSE(has_children());
        }
        EXPECT_EQ(open_descriptors(), before);
    });
}

TEST(process, a_wait_with_a_deadline_leaves_the_child_alone) {
    in_both_worlds([] {
        process child = shell("read line; exit 7", {.in = stdio::piped});
        std::error_code ec;
        weft::with_limit(1ms, [&] { child.wait(ec); });
        EXPECT_EQ(ec, std::errc::timed_out);
        child.in().close();
        EXPECT_EQ(child.wait().code(), 7);
    });
}

TEST(process, is_sent_signals) {
    in_both_worlds([] {
        process child = shell("trap 'exit 9' USR1; echo ready; while :; do read line; done",
                              {.in = stdio::piped, .out = stdio::piped});
        EXPECT_EQ(read_text(child.out()), "ready\n");
        child.signal(SIGUSR1);
        std::error_code may_have_ended;  // some shells run a trap only when the command that they are in has ended
        child.in().write_all(bytes_of("\n"), may_have_ended);
        EXPECT_EQ(child.wait().code(), 9);
        EXPECT_NO_THROW(child.signal(SIGUSR1)) << "it has ended";
    });
}

TEST(process, has_no_signal_blocked_that_weft_blocks) {
    in_both_worlds([] {
        weft::signals wanted({SIGTERM});
        EXPECT_EQ(shell("kill -TERM $$; exit 1").wait().signal(), SIGTERM);
        EXPECT_EQ(shell("kill -PIPE $$; exit 1").wait().signal(), SIGPIPE);
    });
}

TEST(process, sees_no_descriptor_of_wefts) {
    in_both_worlds([] {
        auto pipe = weft::make_pipe();
        auto sockets = weft::unix_stream_pair();
        process child = process::spawn({"ls", "-l", "/proc/self/fd"}, {.in = stdio::null, .out = stdio::piped});
        std::string theirs = weft::read_all(child.out(), 10'000);
        EXPECT_NE(theirs.find("0 -> /dev/null"), theirs.npos) << theirs;
        for (int fd : {pipe.first.fd(), sockets.first.fd(), sockets.second.fd()}) {
            std::string ours = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string();
            EXPECT_EQ(theirs.find(ours), theirs.npos) << ours << " is among " << theirs;
        }
    });
}

TEST(process, moves) {
    in_both_worlds([] {
        process first = shell("exec sleep 1000");
        process second = shell("exec sleep 1000");
        pid_t id = second.id();
        first = std::move(second);  // the first one is killed
        EXPECT_FALSE(second);
        EXPECT_EQ(first.id(), id);
        first.kill();
        EXPECT_EQ(first.wait().signal(), SIGKILL);
        EXPECT_FALSE(has_children());
    });
}

TEST(process, can_be_selected_on) {
    in_both_worlds([] {
        process quick = shell("exit 0");
        process slow = shell("exec sleep 1000");
        EXPECT_EQ(weft::select(weft::when::readable(slow.fd()), weft::when::readable(quick.fd())).index(), 1U);
    });
}

TEST(process, many_at_once_all_end) {
    in_both_worlds([] {
        weft::scope all;
        int sum = 0;
        for (int i = 0; i < 30; ++i) {
            all.spawn([&sum, i] { sum += shell("exit " + std::to_string(i)).wait().code(); });
        }
        all.join();
        EXPECT_EQ(sum, 30 * 29 / 2);
        EXPECT_FALSE(has_children());
    });
}

/// Runs in a child of its own: it closes the standard streams.
TEST(process_death, streams_get_their_numbers_even_where_the_parent_has_none) {
    EXPECT_EXIT(
        {
            for (int fd : {0, 1}) {
                ::close(fd);
            }
            bool right = false;
            std::thread([&] {
                process cat = process::spawn({"cat"}, {.in = stdio::piped, .out = stdio::piped});
                cat.in().write_all(bytes_of("through"));
                cat.in().close();
                right = weft::read_all(cat.out(), 100) == "through" && cat.wait().success();
            }).join();
            ::_exit(right ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

}  // namespace
