// Floor: io

#pragma once

#include <fcntl.h>

#include <weft/file.hpp>

namespace weft::detail {

[[nodiscard]] inline int open_flags(file::mode m) {
    switch (m) {
        case file::mode::read:
            return O_RDONLY | O_CLOEXEC;
        case file::mode::read_write:
            return O_RDWR | O_CLOEXEC;
        case file::mode::create:
            return O_RDWR | O_CLOEXEC | O_CREAT;
        case file::mode::create_new:
            return O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL;
    }
    return O_CLOEXEC;
}

}  // namespace weft::detail
