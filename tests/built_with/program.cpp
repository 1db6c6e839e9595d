// What a user's program does with the library, for test_built_with.py to build with the library's options and with others.

#include <cstdio>
#include <stdexcept>
#include <vector>
#include <weft/coroutine.hpp>

int main() {
    std::vector<weft::coroutine> all;
    int sum = 0;
    for (int i = 0; i < 40; ++i) {
        all.emplace_back([&sum, i] {
            char text[200];
            std::snprintf(text, sizeof text, "%d", i % 10);
            weft::yield();
            sum += text[0] - '0';
        });
    }
    for (int round = 0; round < 2; ++round) {
        for (auto& co : all) {
            co.enter();
        }
    }
    weft::coroutine thrower([] { throw std::runtime_error("thrown inside"); });
    try {
        thrower.enter();
    } catch (std::runtime_error const& e) {
        std::printf("%s, %d\n", e.what(), sum);
    }
}
