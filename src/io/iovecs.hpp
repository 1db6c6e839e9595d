// Floor: io

#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>

namespace weft::detail {

/// What is left of `buffers` after `done` bytes of them.
inline std::span<iovec> after(std::span<iovec> buffers, std::size_t done) {
    while (!buffers.empty() && done >= buffers.front().iov_len) {
        done -= buffers.front().iov_len;
        buffers = buffers.subspan(1);
    }
    if (!buffers.empty() && done > 0) {
        iovec& first = buffers.front();
        first = {static_cast<char*>(first.iov_base) + done, first.iov_len - done};
    }
    return buffers;
}

/// The kernel takes no more than so many at once (UIO_MAXIOV).
inline constexpr std::size_t most_iovecs = 1024;

}  // namespace weft::detail
