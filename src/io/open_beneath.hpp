// Floor: io

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace weft::detail {

/// openat(2) of a name that does not lead out of `directory`. Returns a descriptor, or -1 and sets errno: EXDEV if it does.
/// Blocks; throws nothing.
int open_beneath(int directory, char const* name, int flags, mode_t permissions = 0) noexcept;

/// A name's parent, beneath a directory, and its last part there.
class last_part {
public:
    last_part(int directory, std::filesystem::path const& name);
    last_part(last_part const&) = delete;
    last_part& operator=(last_part const&) = delete;
    ~last_part();

    /// Opens the parent. Returns 0, or -1 and sets errno. Blocks.
    int open() noexcept;
    [[nodiscard]] int parent() const { return parent_; }
    [[nodiscard]] char const* name() const { return name_.c_str(); }

private:
    int directory_;
    int parent_ = -1;
    std::string way_;
    std::string name_;
};

}  // namespace weft::detail
