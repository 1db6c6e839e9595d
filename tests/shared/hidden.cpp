// A program that hides its own symbols (-fvisibility=hidden), on a shared library: what is thrown on one side is caught on
// the other.

#include <cstdio>
#include <stdexcept>
#include <weft/coroutine.hpp>
#include <weft/task.hpp>

namespace {

struct counted {
    int* gone;
    ~counted() { ++*gone; }
};

}  // namespace

int main() {
    int gone = 0;
    {
        weft::coroutine unwound([&] {
            counted one{&gone};
            weft::yield();
        });
        unwound.enter();
    }
    int caught = 0;
    try {
        weft::run([&] {
            auto task = weft::spawn([] { throw std::runtime_error("thrown inside"); });
            task.join();
        });
    } catch (std::runtime_error const&) {
        ++caught;
    }
    std::printf("%d destroyed, %d caught\n", gone, caught);
}
