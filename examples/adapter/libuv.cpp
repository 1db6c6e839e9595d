// A program of weft's that uses what was written for libuv: its handles are served among the tasks, and a callback becomes a
// call that waits.

#include <netdb.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <weft/adapter/libuv.hpp>
#include <weft/await_callback.hpp>
#include <weft/limit.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

constexpr char usage[] = R"(usage: example_adapter_libuv NAME...

Prints an address of each name, all looked up at once by libuv. A name that has none, or is not found in ten seconds, is said
on standard error.
)";

using done = weft::completion<std::string>;

void looked_up(uv_getaddrinfo_t* request, int status, addrinfo* first) {
    auto* tell = static_cast<done*>(request->data);
    if (status != 0) {
        tell->fail(std::make_exception_ptr(std::runtime_error(uv_strerror(status))));
    } else {
        char text[NI_MAXHOST] = "";
        getnameinfo(first->ai_addr, first->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
        (*tell)(text);
    }
    uv_freeaddrinfo(first);
    delete tell;
    delete request;
}

/// An address of that name, in digits.
std::string look_up(uv_loop_t* loop, std::string const& name) {
    return weft::await_callback<std::string>([&](done tell) {
        auto* request = new uv_getaddrinfo_t{};
        request->data = new done(tell);
        int error = uv_getaddrinfo(loop, request, &looked_up, name.c_str(), nullptr, nullptr);
        if (error != 0) {
            looked_up(request, error, nullptr);
        }
    });
}

}  // namespace

int main(int argc, char** argv) {
    bool help = argc == 2 && argv[1] == std::string("--help");
    if (help || argc < 2) {
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    bool all_found = true;
    try {
        weft::loop here(std::make_unique<weft::adapter::libuv_reactor>(uv_default_loop()));
        weft::run([&] {
            weft::scope questions;
            for (std::string name : std::span(argv + 1, static_cast<std::size_t>(argc) - 1)) {
                questions.spawn([&, name] {
                    try {
                        std::string found = weft::with_limit(10s, [&] { return look_up(uv_default_loop(), name); });
                        std::printf("%s %s\n", name.c_str(), found.c_str());
                    } catch (std::exception const& e) {
                        std::fprintf(stderr, "libuv: \"%s\": %s\n", name.c_str(), e.what());
                        all_found = false;
                    }
                });
            }
            questions.join();
        });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "libuv: %s\n", e.what());
        return 1;
    }
    return all_found ? 0 : 1;
}
