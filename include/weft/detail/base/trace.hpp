// Floor: base
//
// Trace points (USDT): a `nop` in the code and a note in the file that says where it is, and where its arguments are, for
// perf, bpftrace and gdb. Nothing where <sys/sdt.h> (systemtap-sdt-dev) is missing, and with WEFT_NO_TRACE defined.
// docs/tracing.md lists them.

#pragma once

#if defined(__linux__) && __has_include(<sys/sdt.h>) && !defined(WEFT_NO_TRACE)
#include <sys/sdt.h>

namespace weft::detail {
inline constexpr bool has_trace_points = true;

/// A trace point reads `variable` from memory, where it is all the same: perf takes no constants for arguments, and then
/// refuses the point's other places, which have more.
template <class T>
[[gnu::always_inline]] inline void forget_value(T& variable) {
    asm("" : "+m"(variable));
}
}  // namespace weft::detail

#define WEFT_TRACE1(name, a) STAP_PROBE1(weft, name, a)
#define WEFT_TRACE2(name, a, b) STAP_PROBE2(weft, name, a, b)
#define WEFT_TRACE3(name, a, b, c) STAP_PROBE3(weft, name, a, b, c)
#else

namespace weft::detail {
inline constexpr bool has_trace_points = false;

template <class T>
void forget_value(T&) {}
}  // namespace weft::detail

#define WEFT_TRACE1(name, a) static_cast<void>(a)
#define WEFT_TRACE2(name, a, b) (static_cast<void>(a), static_cast<void>(b))
#define WEFT_TRACE3(name, a, b, c) (static_cast<void>(a), static_cast<void>(b), static_cast<void>(c))
#endif
