#include "loops.hpp"

#include <fmt/core.h>
#include <pthread.h>

#include <system_error>

namespace nbd {

loops::loops(std::size_t count, std::chrono::microseconds spin) {
    all_.push_back({&weft::loop::current()});
    all_.front().loop->set_spin(spin);
    if (count == 1) {
        return;
    }
    auto further = static_cast<unsigned>(count - 1);
    try {
        further_.emplace(further);
    } catch (std::system_error const& e) {
        throw std::system_error(e.code(), fmt::format("cannot start {} threads", count));
    }
    for (unsigned i = 0; i < further; ++i) {
        auto prepare = [spin, number = i + 2] {
            weft::loop::current().set_spin(spin);
            pthread_setname_np(pthread_self(), fmt::format("weft-nbd {}", number).c_str());
        };
        further_->spawn_on(i, prepare).join();
        all_.push_back({&further_->at(i)});
    }
}

}  // namespace nbd
