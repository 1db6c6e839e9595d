// What the tests of this floor share: both worlds, and what they look at in them.

#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <weft/byte_stream.hpp>
#include <weft/endpoint.hpp>
#include <weft/task.hpp>

namespace worlds {

/// Calls `body()` twice: inside a coroutine, and on the plain thread, which runs its loop where the calls have to wait.
template <class F>
void in_both_worlds(F body) {
    {
        SCOPED_TRACE("in a coroutine");
        weft::run(body);
    }
    SCOPED_TRACE("outside coroutines");
    body();
}

/// The other tasks of the loop run, until each waits for something.
inline void let_others_run() {
    if (weft::in_coroutine()) {
        weft::yield();
    } else {
        weft::loop::current().run_once(false);
    }
}

/// Some turns of the loop: what the system has by now is seen, on each reactor, and done.
inline void let_others_run_on(int turns = 5) {
    for (; turns > 0; --turns) {
        if (weft::in_coroutine()) {
            weft::suspend(
                [](weft::handle h) { weft::loop::current().post([h = std::move(h)]() mutable { h.wake(); }); });
        } else {
            weft::loop::current().run_once(false);
        }
    }
}

/// The loop goes on turning for as long as `condition()` holds. (If it holds for ever, the test's time limit ends it.)
template <class Condition>
void let_others_run_while(Condition condition) {
    while (condition()) {
        let_others_run_on(1);
    }
}

[[nodiscard]] inline std::string text_of(std::span<std::byte const> bytes) {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

/// What read() gives, once.
template <class Source>
std::string read_text(Source& from, std::size_t most = 100) {
    std::string text(most, '\0');
    text.resize(from.read(std::as_writable_bytes(std::span(text))));
    return text;
}

[[nodiscard]] inline weft::endpoint loopback(std::uint16_t port = 0) {
    return weft::endpoint::ip("127.0.0.1", port);
}

[[nodiscard]] inline long open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

/// The error that ended a task.
template <class T>
std::error_code error_of(weft::task<T>& t) {
    try {
        t.join();
    } catch (std::system_error const& e) {
        return e.code();
    }
    return {};
}

/// What `f()` throws.
template <class F>
std::system_error thrown_by(F f) {
    try {
        f();
    } catch (std::system_error const& e) {
        return e;
    }
    return std::system_error(std::error_code(), "nothing was thrown");
}

/// A folder of its own for each test.
class folder : public testing::Test {
protected:
    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "weft-test-XXXXXX").string();
        folder_ = mkdtemp(name.data());
    }
    ~folder() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::filesystem::path path(char const* name = "file") const { return folder_ / name; }

    std::filesystem::path folder_;
};

}  // namespace worlds
