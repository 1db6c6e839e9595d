// Floor: base
//
// Trace points (USDT): a `nop` in the code and a note in the file that says where it is, and where its arguments are, for
// perf, bpftrace and gdb. Nothing where <sys/sdt.h> (systemtap-sdt-dev) is missing. docs/tracing.md lists them.

#pragma once

#if defined(__linux__) && __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define WEFT_TRACE1(name, a) STAP_PROBE1(weft, name, a)
#define WEFT_TRACE2(name, a, b) STAP_PROBE2(weft, name, a, b)
#define WEFT_TRACE3(name, a, b, c) STAP_PROBE3(weft, name, a, b, c)
#else
#define WEFT_TRACE1(name, a) static_cast<void>(a)
#define WEFT_TRACE2(name, a, b) (static_cast<void>(a), static_cast<void>(b))
#define WEFT_TRACE3(name, a, b, c) (static_cast<void>(a), static_cast<void>(b), static_cast<void>(c))
#endif
