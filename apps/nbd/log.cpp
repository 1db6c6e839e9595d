#include "log.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <thread>

namespace nbd {
namespace {

constexpr std::string_view erase_line = "\r\x1b[2K";
constexpr std::size_t longest_line = 2048;

/// How many of the bytes at the front are one printable character; 0: the first is to be escaped.
std::size_t printable_at_front(std::string_view text) {
    auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    auto continued = [&](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
    unsigned first = at(0);
    if (first < 0x80) {
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    }
    if (first >= 0xc2 && first < 0xe0 && continued(1)) {
        bool control = first == 0xc2 && at(1) < 0xa0;
        return control ? 0 : 2;
    }
    if (first >= 0xe0 && first < 0xf0 && continued(1) && continued(2)) {
        unsigned code = ((first & 0xfU) << 12) | ((at(1) & 0x3fU) << 6) | (at(2) & 0x3fU);
        bool surrogate = code >= 0xd800 && code < 0xe000;
        // Marks that turn the direction of the text, and separators of lines: they change how the line looks.
        bool turns = (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                     (code >= 0x2066 && code <= 0x2069);
        return code < 0x800 || surrogate || turns ? 0 : 3;
    }
    if (first >= 0xf0 && first < 0xf5 && continued(1) && continued(2) && continued(3)) {
        bool fits = (first != 0xf0 || at(1) >= 0x90) && (first != 0xf4 || at(1) < 0x90);
        return fits ? 4 : 0;
    }
    return 0;
}

std::string escaped(std::string_view text, std::string_view also) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        std::size_t n = printable_at_front(text);
        if (n == 0) {
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
            n = 1;
        } else if (also.find(text.front()) != std::string_view::npos) {
            result += '\\';
            result += text.front();
        } else {
            result += text.substr(0, n);
        }
        text.remove_prefix(n);
    }
    return result;
}

/// The queue of lines, and the thread that writes them.
class writer {
public:
    writer() {
        lines_.reserve(capacity);
        under_way_.reserve(capacity + live_.size() + 256);
    }

    void redirect(int fd) {
        std::lock_guard lock(mutex_);
        fd_ = fd;
    }

    void add(std::string_view line) noexcept {
        std::lock_guard lock(mutex_);
        if (fd_ < 0) {
            return;
        }
        if (line.size() + 1 > capacity - lines_.size() || !start()) {
            ++lost_;
            return;
        }
        lines_ += line;  // in the memory that was reserved
        lines_ += '\n';
        changed_.notify_one();
    }

    void lose() noexcept {
        std::lock_guard lock(mutex_);
        ++lost_;
    }

    void show(std::string_view text) noexcept {
        std::lock_guard lock(mutex_);
        winsize window{};
        if (ioctl(fd_, TIOCGWINSZ, &window) == 0 && window.ws_col > 1) {
            text = text.substr(0, window.ws_col - 1U);  // a longer one would go on in the next line, and stay there
        }
        text = text.substr(0, live_.size());
        if (fd_ < 0 || !start()) {
            return;
        }
        std::copy(text.begin(), text.end(), live_.begin());
        live_size_ = text.size();
        live_changed_ = true;
        changed_.notify_one();
    }

    bool flush(std::chrono::milliseconds limit) {
        std::unique_lock lock(mutex_);
        return written_.wait_for(lock, limit, [this] { return !started_ || (!writing_ && !has_work()); });
    }

private:
    static constexpr std::size_t capacity = 64 << 10;

    [[nodiscard]] bool has_work() const { return !lines_.empty() || live_changed_; }

    /// With the first line, so that the thread inherits which signals are blocked. False: there are no threads left.
    bool start() noexcept {
        if (!started_) {
            try {
                std::thread([this] { run(); }).detach();  // it may stand in write(2) for ever
                started_ = true;
            } catch (std::system_error const&) {
                return false;
            }
        }
        return true;
    }

    void run() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return has_work(); });
            take();
            int to = fd_;
            writing_ = true;
            lock.unlock();
            bool done = write_out(to, under_way_);
            lock.lock();
            writing_ = false;
            if (!done) {
                lost_ += static_cast<std::uint64_t>(std::count(under_way_.begin(), under_way_.end(), '\n'));
            }
            written_.notify_all();
        }
    }

    /// Puts together what is to be written next.
    void take() {
        under_way_.clear();
        if (live_shown_) {
            under_way_ += erase_line;
        }
        if (lost_ > 0 && !lines_.empty()) {
            std::array<char, 64> note;
            int size = std::snprintf(note.data(), note.size(), "weft-nbd: %llu lines were lost here\n",
                                     static_cast<unsigned long long>(lost_));
            under_way_.append(note.data(), static_cast<std::size_t>(size));
            lost_ = 0;
        }
        under_way_ += lines_;
        lines_.clear();
        under_way_.append(live_.data(), live_size_);
        live_shown_ = live_size_ > 0;
        live_changed_ = false;
    }

    static bool write_out(int fd, std::string_view text) {
        while (!text.empty()) {
            ssize_t n = ::write(fd, text.data(), text.size());
            if (n >= 0) {
                text.remove_prefix(static_cast<std::size_t>(n));
            } else if (errno == EAGAIN) {  // whoever shares it has made it non-blocking
                pollfd one{.fd = fd, .events = POLLOUT, .revents = 0};
                ::poll(&one, 1, -1);
            } else if (errno != EINTR) {
                return false;
            }
        }
        return true;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::condition_variable written_;
    std::string lines_;
    std::string under_way_;  ///< The thread's own.
    std::array<char, 512> live_{};
    std::size_t live_size_ = 0;
    bool live_changed_ = false;
    bool live_shown_ = false;
    std::uint64_t lost_ = 0;
    bool started_ = false;
    bool writing_ = false;
    int fd_ = STDERR_FILENO;
};

writer& the_writer() {
    static writer& one = *new writer;  // never destroyed: its thread may be at work when the program ends
    return one;
}

}  // namespace

void log_to(int fd) {
    the_writer().redirect(fd);
}

void log_line(std::string_view text) noexcept {
    try {
        std::string line = "weft-nbd: " + escaped(text, "");
        if (line.size() > longest_line) {
            line.resize(longest_line);
            line += "...";
        }
        the_writer().add(line);
    } catch (...) {
        lose_log_line();
    }
}

void lose_log_line() noexcept {
    the_writer().lose();
}

bool flush_log(std::chrono::milliseconds limit) {
    return the_writer().flush(limit);
}

void show_live_line(std::string_view text) noexcept {
    the_writer().show(text);
}

std::string in_quotes(std::string_view text) {
    return '"' + escaped(text, "\"\\") + '"';
}

std::string human_size(std::uint64_t bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string counted(std::uint64_t count, std::string_view thing) {
    return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

}  // namespace nbd
