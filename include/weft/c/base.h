// Floor: c
//
// What all parts of <weft/weft.h> share.

#ifndef WEFT_C_BASE_H
#define WEFT_C_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <weft/marks.hpp>  // macros alone

// Private contents. i386 would align the words to 4 bytes, but the atomics in them need 8.
#define WEFT_OPAQUE(words) __attribute__((aligned(8))) uint64_t opaque[words]

#ifdef __cplusplus
#define WEFT_C_BEGIN extern "C" {
#define WEFT_C_END }
#else
#define WEFT_C_BEGIN
#define WEFT_C_END
#endif

#endif
