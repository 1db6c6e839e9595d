// Floor: io
//
// The two ends of a pipe, for everything that is read and written like one: FIFOs, terminals, the standard streams.
//
//     auto [reader, writer] = weft::make_pipe();
//     weft::pipe_reader keyboard(weft::descriptor(::dup(0)));
//
// Each call has two forms: one throws std::system_error; the other takes a std::error_code last. All suspend inside a
// coroutine, and run the thread's loop elsewhere. The descriptor's flags stay as they are, since other processes may
// share it. The kernel never keeps a buffer: a call that ends early has read nothing.

#pragma once

#include <cstddef>
#include <span>
#include <system_error>
#include <utility>
#include <weft/descriptor.hpp>

namespace weft {

namespace detail {

class pipe_end {
public:
    pipe_end() = default;
    explicit pipe_end(descriptor d);

    [[nodiscard]] int fd() const { return descriptor_.fd(); }
    explicit operator bool() const { return static_cast<bool>(descriptor_); }
    /// No call on it may be under way.
    void close() noexcept { descriptor_.close(); }

protected:
    [[nodiscard]] bool is_file() const { return is_file_; }

private:
    descriptor descriptor_;
    bool is_file_ = false;  ///< A standard stream may be a file: always ready, but reads of it block.
};

}  // namespace detail

class pipe_reader : public detail::pipe_end {
public:
    using pipe_end::pipe_end;

    /// Reads what is there, at least one byte, at most the buffer. 0: the other end is closed.
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t read(std::span<std::byte> buffer, std::error_code& ec,
                                   call_site where = call_site::here());
};

class pipe_writer : public detail::pipe_end {
public:
    using pipe_end::pipe_end;

    /// Writes all. Fails with broken_pipe if the other end is closed; never raises SIGPIPE.
    WEFT_MIXED_FN void write_all(std::span<std::byte const> bytes, call_site where = call_site::here());
    WEFT_MIXED_FN std::size_t write_all(std::span<std::byte const> bytes, std::error_code& ec,
                                        call_site where = call_site::here());
};

/// Both ends of a new pipe, close-on-exec. Throws std::system_error. Suspends: no.
[[nodiscard]] std::pair<pipe_reader, pipe_writer> make_pipe();

}  // namespace weft
