// C++20 coroutines and weft's, each waiting for the other: lines are counted by weft tasks, which a C++20 coroutine co_awaits;
// the program, a weft task, awaits that one in turn. Nothing of weft is in the type of the C++20 coroutine: it stands for a library's.

#include <array>
#include <coroutine>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weft/await.hpp>
#include <weft/file.hpp>
#include <weft/task.hpp>

namespace {

constexpr char usage[] = R"(usage: example_mixed FILE...

Prints how many lines each file has, and how many they have in all.
)";

/// A C++20 coroutine as libraries have them: it begins when it is awaited, and then whoever awaited it goes on.
class sum {
public:
    struct promise_type {
        std::coroutine_handle<> awaited_by;
        std::size_t value = 0;
        std::exception_ptr failure;
        sum get_return_object() { return sum(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept {
            struct go_back : std::suspend_always {
                std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept {
                    return h.promise().awaited_by;
                }
            };
            return go_back{};
        }
        void return_value(std::size_t v) { value = v; }
        void unhandled_exception() { failure = std::current_exception(); }
    };

    explicit sum(std::coroutine_handle<promise_type> h) : h_(h) {}
    sum(sum&& other) noexcept : h_(std::exchange(other.h_, {})) {}
    ~sum() { h_ ? h_.destroy() : void(); }

    [[nodiscard]] bool await_ready() const { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> by) {
        h_.promise().awaited_by = by;
        return h_;
    }
    std::size_t await_resume() {
        return h_.promise().failure ? std::rethrow_exception(h_.promise().failure), 0 : h_.promise().value;
    }

private:
    std::coroutine_handle<promise_type> h_;
};

/// Reads as if it blocked.
std::size_t count_lines(std::string const& name) {
    weft::file f = weft::file::open(name, weft::file::mode::read);
    std::array<std::byte, 16384> buffer;
    std::size_t lines = 0;
    for (std::uint64_t at = 0, n = 1; n > 0; at += n) {
        n = f.read_at(buffer, at);
        for (std::byte b : std::span(buffer).first(n)) {
            lines += b == std::byte('\n') ? 1 : 0;
        }
    }
    return lines;
}

sum count_all(std::vector<std::string> const& names) {
    std::size_t all = 0;
    for (std::string const& name : names) {
        std::size_t lines = co_await weft::spawn([&] { return count_lines(name); });
        std::printf("%zu %s\n", lines, name.c_str());
        all += lines;
    }
    co_return all;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> names(argv + 1, argv + argc);
    if (names.empty() || names.front() == "--help") {
        std::fputs(usage, names.empty() ? stderr : stdout);
        return names.empty() ? 2 : 0;
    }
    try {
        std::printf("%zu in all\n", weft::run([&] { return weft::await(count_all(names)); }));
    } catch (std::exception const& e) {
        std::fprintf(stderr, "mixed: %s\n", e.what());
        return 1;
    }
}
