// What the files of the I/O soak share: the server and its clients, and what has to be true of both.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>
#include <weft/condition_variable.hpp>
#include <weft/endpoint.hpp>
#include <weft/event.hpp>
#include <weft/mutex.hpp>
#include <weft/shield.hpp>

#include "soak.hpp"

namespace soak {

/// Fills `to` with the bytes from `offset` on of an endless text, another one for each key.
inline void fill(std::span<std::byte> to, std::uint64_t key, std::uint64_t offset) {
    for (std::size_t i = 0; i < to.size();) {
        std::uint64_t word = random_numbers(key + ((offset + i) >> 3))();
        do {
            to[i] = static_cast<std::byte>(word >> (8 * ((offset + i) & 7)));
        } while (++i < to.size() && ((offset + i) & 7) != 0);
    }
}

/// The server's connections, by numbers in the order in which they were accepted.
class arrivals {
public:
    std::uint64_t begin() {
        weft::shield guard;
        std::scoped_lock lock(lock_);
        served_.insert(++last_);
        return last_;
    }

    void end(std::uint64_t number) {
        weft::shield guard;
        std::scoped_lock lock(lock_);
        served_.erase(number);
        ended_.notify_all();
    }

    [[nodiscard]] std::uint64_t last() {
        weft::shield guard;
        std::scoped_lock lock(lock_);
        return last_;
    }

    /// Waits until the server has let go of all connections up to that one: what they had begun is done. Suspends.
    void wait_for_end(std::uint64_t number) {
        std::unique_lock lock(lock_);
        ended_.wait(lock, [&] { return served_.empty() || *served_.begin() > number; });
    }

private:
    weft::mutex lock_;
    weft::condition_variable ended_;
    std::set<std::uint64_t> served_;
    std::uint64_t last_ = 0;
};

constexpr std::size_t block_size = 4096;

/// The part of the disk that one client alone writes to, and what may stand there: of a write that was not answered it is
/// not known whether it was done; but it was done as a whole, or not at all.
class region {
public:
    static constexpr std::size_t blocks = 16;

    explicit region(std::uint64_t first) : first_(first) {
        for (auto& each : possible_) {
            each = {zeros};
        }
    }

    /// In bytes, on the disk.
    [[nodiscard]] std::uint64_t offset(std::size_t block) const { return (first_ + block) * block_size; }

    void may_become(std::size_t block, std::uint64_t version) { possible_[block].push_back(version); }
    void is(std::size_t block, std::uint64_t version) { possible_[block] = {version}; }
    /// Ends the program if what was found there can't be.
    void found(std::size_t block, std::span<std::byte const> data);

    static constexpr std::uint64_t zeros = 0;
    /// What a block holds after it was written with that version.
    static void content(std::span<std::byte> to, std::uint64_t version, std::uint64_t offset);

    /// The last connection that the server had when this client left in the middle; that one's requests may still be under way
    /// as long as it has one up to this.
    std::uint64_t left_at = 0;

private:
    std::uint64_t first_;
    std::array<std::vector<std::uint64_t>, blocks> possible_;
};

/// What all threads share.
struct world {
    weft::endpoint echo, disk;  ///< Where the server listens, once it is ready.
    weft::event ready{weft::event::manual}, closing{weft::event::manual};
    std::atomic<bool> over{false};  ///< The clients end the session that they are at, and begin no other.
    std::atomic<bool> calm{false};  ///< The server lets all connections live.
    arrivals connections;

    counter inflicted;                             ///< Connections that the server ended early.
    counter in_order, left, timed_out, cancelled;  ///< Sessions, by how the client ended them,
    counter starved;                               ///< for which there was no descriptor,
    counter surprised;                             ///< or that the server ended.
    counter echoed, blocks_written, blocks_compared, refused, garbage;
};

/// The server: echo and NBD, until `w.closing`. Suspends.
void serve(world& w, std::string const& image);

/// A client, until `w.over`: one session after the other. Suspends.
void live(world& w, region& mine, std::uint64_t start);

/// A session of each kind that nothing disturbs; the second one reads and compares the whole region. Throw what goes wrong.
/// Suspend.
void echo_in_order(world& w, std::uint64_t start);
void compare_on_disk(world& w, region& mine, std::uint64_t start);

}  // namespace soak
