// The same file, opened several times.
//
// The system tells each open file once of writes that it has lost. Of two durable writes at once on one, either could take what the
// other should have been told. So each has one of its own while it lasts.

#pragma once

#include <mutex>
#include <string>
#include <vector>
#include <weft/file.hpp>

namespace nbd {

class own_files {
public:
    /// How many are open at most. They stay open for those that come later.
    static constexpr std::size_t most = 16;

    /// Of `original`, which has to stay open.
    explicit own_files(weft::file const& original) : path_("/proc/self/fd/" + std::to_string(original.fd())) {
        idle_.reserve(most);
    }

    /// Returns one that nobody else has; an empty one if so many are in use, or it can't be opened. Suspends. Threads: any.
    [[nodiscard]] weft::file take() {
        {
            std::scoped_lock lock(mutex_);
            if (!idle_.empty()) {
                weft::file file = std::move(idle_.back());
                idle_.pop_back();
                return file;
            }
            if (open_ == most) {
                return {};
            }
            ++open_;
        }
        weft::file file;
        try {
            file = weft::file::open(path_, weft::file::mode::read_write);
        } catch (std::exception const&) {  // neither memory nor descriptors, or no /proc
        }
        if (!file) {
            std::scoped_lock lock(mutex_);
            --open_;
        }
        return file;
    }

    void give_back(weft::file file) noexcept {
        std::scoped_lock lock(mutex_);
        idle_.push_back(std::move(file));
    }

private:
    std::filesystem::path const path_;
    std::mutex mutex_;
    std::vector<weft::file> idle_;
    std::size_t open_ = 0;  ///< The idle ones, and those that were taken.
};

}  // namespace nbd
