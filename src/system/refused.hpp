// Floor: system
//
// System calls that may be missing: the kernel is older than they are, or a container's filter (seccomp) does not know them.
// Filters answer with ENOSYS or EPERM, and may be put on at any time; so a call that is refused is asked for anew each time,
// and an older one is made in its place. Where the refusal was of what is asked for, and not of the call, the older one is
// refused too.

#pragma once

#include <cerrno>

namespace weft::detail {

/// Whether `error`, an errno, may mean that the system has no such call, or not with these flags.
[[nodiscard]] constexpr bool may_be_missing(int error) {
    return error == ENOSYS || error == EPERM || error == EACCES || error == EOPNOTSUPP;
}

}  // namespace weft::detail
