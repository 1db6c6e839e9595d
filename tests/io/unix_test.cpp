#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <weft/socket.hpp>
#include <weft/task.hpp>

#include "streams.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using weft::bytes_of;

class socket_files : public folder {};

TEST_F(socket_files, a_unix_socket_echoes_between_coroutines) {
    in_both_worlds([&] {
        weft::unix_listener listener(path());
        auto server = weft::spawn([&] {
            weft::unix_stream s = listener.accept();
            echo(s);
        });
        {
            weft::unix_stream client = weft::unix_stream::connect(listener.local());
            client.write_all(bytes_of("hello"));
            EXPECT_EQ(read_text(client), "hello");
        }
        server.join();
    });
}

TEST_F(socket_files, a_unix_socket_echoes_to_a_client_outside_coroutines) {
    weft::unix_listener listener(path());
    auto server = weft::spawn([&] {
        weft::unix_stream s = listener.accept();
        echo(s);
    });
    {
        weft::unix_stream client = weft::unix_stream::connect(weft::endpoint::unix_path(path()));
        client.write_all(bytes_of("hello"));
        EXPECT_EQ(read_text(client), "hello");
    }
    server.join();
}

TEST_F(socket_files, one_that_a_dead_process_left_is_replaced) {
    int left_behind = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    weft::endpoint address = weft::endpoint::unix_path(path());
    ASSERT_EQ(::bind(left_behind, address.data(), address.size()), 0);
    ::close(left_behind);
    ASSERT_TRUE(std::filesystem::is_socket(path()));
    EXPECT_NO_THROW(weft::unix_listener{path()});
}

TEST_F(socket_files, one_that_somebody_listens_on_is_kept) {
    weft::unix_listener first(path());
    try {
        weft::unix_listener second(path());
        FAIL() << "both listen";
    } catch (std::system_error const& e) {
        EXPECT_EQ(e.code(), std::errc::address_in_use);
        EXPECT_NE(std::string(e.what()).find(path().string()), std::string::npos) << e.what();
    }
    EXPECT_TRUE(std::filesystem::is_socket(path()));
}

TEST_F(socket_files, a_file_that_is_no_socket_is_kept) {
    int fd = ::open(path().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ::close(fd);
    EXPECT_THROW(weft::unix_listener{path()}, std::system_error);
    EXPECT_TRUE(std::filesystem::is_regular_file(path()));
}

TEST_F(socket_files, is_removed_when_the_listener_goes) {
    { weft::unix_listener listener(path()); }
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(socket_files, goes_along_with_a_listener_that_is_moved) {
    weft::unix_listener first(path());
    {
        weft::unix_listener second = std::move(first);
        EXPECT_TRUE(std::filesystem::exists(path()));
    }
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(socket_files, is_removed_when_another_listener_is_assigned_over_its_own) {
    weft::unix_listener first(folder_ / "first");
    {
        weft::unix_listener second(folder_ / "second");
        first = std::move(second);
    }
    EXPECT_FALSE(std::filesystem::exists(folder_ / "first"));
    EXPECT_TRUE(std::filesystem::exists(folder_ / "second"));
}

TEST_F(socket_files, a_connect_that_finds_the_queue_full_goes_on_when_there_is_room) {
    in_both_worlds([&] {
        weft::endpoint address = weft::endpoint::unix_path(path());
        weft::listener listener(address, {{}, 0});  // one fits in
        weft::unix_stream first = weft::unix_stream::connect(address);
        auto second =
            weft::spawn([&] { return weft::with_limit(10s, [&] { return weft::unix_stream::connect(address); }); });
        let_others_run_on();
        EXPECT_FALSE(second.done());
        std::error_code ec;
        auto accepted_first = listener.accept_any(ec);
        EXPECT_EQ(error_of(second), std::error_code()) << "connect() never saw that there was room";
    });
}

TEST(stream, descriptors_that_go_along_cut_a_read_short_and_hold_nothing_up) {
    in_both_worlds([] {
        auto [near, far] = weft::unix_stream_pair();
        for (int round = 0; round < 3; ++round) {
            int const fds[] = {far.fd()};
            far.send_descriptors(bytes_of("a"), fds);
            far.write_all(bytes_of("b"));
            std::string text = read_text(near);
            while (text.size() < 2) {
                text += read_text(near);
            }
            EXPECT_EQ(text, "ab");
        }
    });
}

}  // namespace
