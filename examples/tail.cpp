// Prints what is added to files, as tail -F does: to files that grow, are cut short, are replaced, or are not there yet.
// inotify(7) tells of changes in their directories; wait_readable() waits for it, as for any descriptor.

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <list>
#include <system_error>
#include <utility>
#include <weft/byte_stream.hpp>
#include <weft/file.hpp>
#include <weft/pipe.hpp>
#include <weft/when.hpp>

namespace {

constexpr char usage[] = R"(usage: example_tail FILE...

Prints what is added to the files from now on, below the file's name. They may be cut short, be replaced, or not be there
yet; their directories have to be. SIGINT and SIGTERM end it.
)";

struct followed {
    std::filesystem::path name;
    int watch;  ///< inotify's number for its directory.
    weft::file file{};
    std::uint64_t position = 0;
};

void print_rest(followed& f, weft::pipe_writer& out, followed*& last) {
    std::array<std::byte, 16 << 10> buffer;
    while (std::size_t n = f.file ? f.file.read_at(buffer, f.position) : 0) {
        if (std::exchange(last, &f) != &f) {
            out.write_all(weft::bytes_of("\n==> " + f.name.string() + " <==\n"));
        }
        out.write_all(std::span(buffer).first(n));
        f.position += n;
    }
}

/// Empty if there is no file of that name.
weft::file open_if_there(std::filesystem::path const& name) {
    std::error_code ec;
    weft::file file = weft::file::open(name, weft::file::mode::read, ec);
    if (ec && ec != std::errc::no_such_file_or_directory) {
        throw std::system_error(ec, "cannot open " + name.string());
    }
    return file;
}

/// Goes on at the start if the name means another file now, or if the file was cut short.
void print_news(followed& f, weft::pipe_writer& out, followed*& last) {
    weft::file now = open_if_there(f.name);
    print_rest(f, out, last);  // only now: what was added before the name passed to the other file is there to be read
    struct stat before {
    }, after{};
    ::fstat(f.file.fd(), &before);
    ::fstat(now.fd(), &after);
    if (now && (before.st_ino != after.st_ino || before.st_dev != after.st_dev || now.size() < f.position)) {
        f.file = std::move(now);
        f.position = 0;
        print_rest(f, out, last);
    }
}

/// Until it is cancelled.
void follow(char** names) {
    weft::descriptor inotify(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    std::list<followed> files;
    for (; *names != nullptr; ++names) {
        std::string parent = std::filesystem::path(*names).parent_path() / ".";
        int watch = inotify_add_watch(inotify.fd(), parent.c_str(), IN_CREATE | IN_MOVED_TO | IN_MODIFY);
        if (watch < 0) {
            throw std::system_error(errno, std::generic_category(), "cannot watch " + parent);
        }
        followed& f = files.emplace_back(followed{*names, watch, open_if_there(*names)});
        f.position = f.file ? f.file.size() : 0;  // what is there already is not printed
    }
    std::fputs("tail: following\n", stderr);
    weft::pipe_writer out(weft::descriptor(::dup(STDOUT_FILENO)));
    followed* last = nullptr;  // whose name was printed
    alignas(inotify_event) std::array<char, 4096> buffer;
    for (;;) {
        weft::wait_readable(inotify.fd());
        ssize_t n = ::read(inotify.fd(), buffer.data(), buffer.size());
        for (ssize_t at = 0; at < n;) {
            auto const& event = *reinterpret_cast<inotify_event const*>(buffer.data() + at);
            at += static_cast<ssize_t>(sizeof event + event.len);
            for (followed& f : files) {
                if (event.len > 0 && event.wd == f.watch && f.name.filename() == event.name) {
                    print_news(f, out, last);
                }
            }
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    bool help = argc == 2 && argv[1] == std::string("--help");
    if (help || argc < 2) {
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    try {
        weft::signals stop({SIGINT, SIGTERM});
        weft::run([&] {
            weft::task<void> following = weft::spawn([&] { follow(argv + 1); });
            if (weft::select(weft::when::arrived(stop), weft::when::ended(following)).index() == 1) {
                following.join();  // throws why it has ended
            }
        });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "tail: %s\n", e.what());
        return 1;
    }
}
