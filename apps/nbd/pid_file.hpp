// A file with the server's process id, for scripts that wait until it listens. Removed at the end.

#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <weft/file.hpp>

namespace nbd {

class pid_file {
public:
    /// Replaces what is there. Throws std::system_error that names it. Suspends.
    explicit pid_file(std::filesystem::path path) : path_(std::move(path)) {
        auto made = weft::file::open(path_, weft::file::mode::create);
        std::string text = std::to_string(::getpid()) + "\n";
        try {
            made.resize(0);
            made.write_all_at(std::as_bytes(std::span(text)), 0);
        } catch (std::system_error const& e) {
            remove();
            throw std::system_error(e.code(), "cannot write " + path_.string());
        }
    }
    pid_file(pid_file const&) = delete;
    pid_file& operator=(pid_file const&) = delete;
    ~pid_file() { remove(); }

private:
    void remove() const noexcept {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }

    std::filesystem::path path_;
};

}  // namespace nbd
