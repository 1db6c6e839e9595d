#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>
#include <weft/directory.hpp>

#include "worlds.hpp"

namespace {

using namespace std::chrono_literals;
using namespace worlds;
using std::filesystem::file_type;
using weft::bytes_of;
using weft::directory;
using weft::file;

/// secret                 beside it
/// inside/                what is opened
///     page               "page"
///     sub/deep           "deep"
///     link -> page, out -> ../secret, way -> sub
class a_directory : public folder {
protected:
    a_directory() {
        std::filesystem::create_directories(path("inside") / "sub");
        write(path("secret"), "secret");
        write(path("inside") / "page", "page");
        write(path("inside") / "sub" / "deep", "deep");
        std::filesystem::create_symlink("page", path("inside") / "link");
        std::filesystem::create_symlink("../secret", path("inside") / "out");
        std::filesystem::create_symlink("sub", path("inside") / "way");
    }
    static void write(std::filesystem::path const& to, char const* text) { std::ofstream(to) << text; }
    static std::string content(file f) {
        weft::file_cursor from(f);
        return weft::read_all(from, 100);
    }
    [[nodiscard]] directory open() const { return directory::open(path("inside")); }
    [[nodiscard]] std::string text_at(char const* name) const {
        std::ifstream from(path("inside") / name);
        return {std::istreambuf_iterator<char>(from), {}};
    }
};

TEST_F(a_directory, opens_files_by_names_that_begin_there) {
    in_both_worlds([&] {
        directory d = open();
        EXPECT_EQ(content(d.open_file("page", file::mode::read)), "page");
        EXPECT_EQ(content(d.open_file("sub/deep", file::mode::read)), "deep");
        EXPECT_EQ(content(d.open_file("sub/../page", file::mode::read)), "page");
        EXPECT_EQ(content(d.open_directory("sub").open_file("deep", file::mode::read)), "deep");
    });
}

TEST_F(a_directory, follows_links_that_stay_inside) {
    in_both_worlds([&] {
        directory d = open();
        EXPECT_EQ(content(d.open_file("link", file::mode::read)), "page");
        EXPECT_EQ(content(d.open_file("way/deep", file::mode::read)), "deep");
    });
}

TEST_F(a_directory, no_name_leads_out_of_it) {
    in_both_worlds([&] {
        directory d = open();
        std::error_code ec;
        for (std::string name : {"../secret", "out", "sub/../../secret", "/etc/passwd", ".."}) {
            EXPECT_FALSE(d.open_file(name, file::mode::read, ec)) << name;
            EXPECT_EQ(ec, std::errc::cross_device_link) << name;
        }
        (void)d.status("../secret", ec);
        EXPECT_EQ(ec, std::errc::cross_device_link);
        d.remove("../secret", ec);
        EXPECT_EQ(ec, std::errc::cross_device_link);
        d.rename("../secret", "stolen", ec);
        EXPECT_EQ(ec, std::errc::cross_device_link);
        d.rename("page", "../page", ec);
        EXPECT_EQ(ec, std::errc::cross_device_link);
        d.make_directory("../made", ec);
        EXPECT_EQ(ec, std::errc::cross_device_link);
        d.remove_directory("../inside/sub", ec);
        EXPECT_EQ(ec, std::errc::cross_device_link);
        EXPECT_TRUE(std::filesystem::exists(path("secret")));
        EXPECT_EQ(text_at("page"), "page");
    });
}

TEST_F(a_directory, makes_files_and_refuses_to_make_one_that_is_there) {
    in_both_worlds([&] {
        directory d = open();
        {
            file made = d.open_file("new", file::mode::create_new);
            made.write_all_at(bytes_of("new"), 0);
        }
        EXPECT_EQ(text_at("new"), "new");
        std::system_error e = thrown_by([&] { (void)d.open_file("new", file::mode::create_new); });
        EXPECT_EQ(e.code(), std::errc::file_exists);
        EXPECT_NE(std::string(e.what()).find("new"), std::string::npos) << e.what();
        d.remove("new");
        EXPECT_FALSE(std::filesystem::exists(path("inside") / "new"));
    });
}

TEST_F(a_directory, a_file_is_replaced_all_at_once) {
    in_both_worlds([&] {
        directory d = open();
        file draft = d.open_file("draft", file::mode::create_new);
        draft.write_all_at(bytes_of("better"), 0);
        draft.sync();
        d.rename("draft", "page");
        d.sync();
        EXPECT_EQ(text_at("page"), "better");
        EXPECT_FALSE(std::filesystem::exists(path("inside") / "draft"));
    });
}

TEST_F(a_directory, makes_and_removes_directories) {
    in_both_worlds([&] {
        directory d = open();
        d.make_directory("sub/made/");
        EXPECT_EQ(d.status("sub/made").type, file_type::directory);
        d.rename("sub/made", "moved");
        d.remove_directory("moved");
        EXPECT_EQ(thrown_by([&] { (void)d.status("moved"); }).code(), std::errc::no_such_file_or_directory);
        EXPECT_EQ(thrown_by([&] { d.remove_directory("sub"); }).code(), std::errc::directory_not_empty);
    });
}

TEST_F(a_directory, tells_what_a_file_is) {
    in_both_worlds([&] {
        directory d = open();
        chmod((path("inside") / "page").c_str(), 0640);
        weft::file_status page = d.status("page");
        EXPECT_EQ(page.type, file_type::regular);
        EXPECT_EQ(page.size, 4U);
        EXPECT_EQ(page.permissions, static_cast<std::filesystem::perms>(0640));
        EXPECT_LT(std::chrono::system_clock::now() - page.modified, 24h);
        EXPECT_EQ(d.status("link").inode, page.inode);
        EXPECT_EQ(d.status("sub").type, file_type::directory);
    });
}

TEST_F(a_directory, lists_what_is_in_it) {
    in_both_worlds([&] {
        directory d = open();
        auto names = [&] {
            std::vector<std::string> found;
            for (weft::directory_entry const& entry : d.list()) {
                found.push_back(entry.name + (entry.type == file_type::directory ? "/" : "") +
                                (entry.type == file_type::symlink ? "@" : ""));
            }
            std::sort(found.begin(), found.end());
            return found;
        };
        std::vector<std::string> expected{"link@", "out@", "page", "sub/", "way@"};
        EXPECT_EQ(names(), expected);
        EXPECT_EQ(names(), expected) << "a second time: the first left no position behind";
    });
}

TEST_F(a_directory, several_list_it_at_once) {
    in_both_worlds([&] {
        directory d = open();
        weft::scope all;
        for (int i = 0; i < 10; ++i) {
            all.spawn([&] { EXPECT_EQ(d.list().size(), 5U); });
        }
        all.join();
    });
}

TEST_F(a_directory, that_there_is_not_is_an_error_that_names_it) {
    in_both_worlds([&] {
        std::system_error e = thrown_by([&] { (void)directory::open(path("nowhere")); });
        EXPECT_EQ(e.code(), std::errc::no_such_file_or_directory);
        EXPECT_NE(std::string(e.what()).find("nowhere"), std::string::npos) << e.what();
        EXPECT_EQ(thrown_by([&] { (void)directory::open(path("secret")); }).code(), std::errc::not_a_directory);
    });
}

TEST_F(a_directory, leaves_no_descriptors) {
    in_both_worlds([&] {
        long before = open_descriptors();
        {
            directory d = open();
            (void)d.list();
            (void)d.status("page");
            (void)d.open_file("page", file::mode::read);
            std::error_code ec;
            d.rename("sub/deep", "nowhere/deep", ec);
            d.remove("nowhere/x", ec);
            EXPECT_EQ(open_descriptors(), before + 1);
        }
        EXPECT_EQ(open_descriptors(), before);
    });
}

TEST_F(a_directory, a_cancelled_task_does_nothing_to_it) {
    in_both_worlds([&] {
        directory d = open();
        auto remover = weft::spawn([&] { d.remove("page"); });
        remover.cancel();
        EXPECT_EQ(error_of(remover), std::errc::operation_canceled);
        EXPECT_EQ(text_at("page"), "page");
    });
}

}  // namespace
