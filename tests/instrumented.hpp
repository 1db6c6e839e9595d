// How much a test does: a sanitizer makes a coroutine's life dear (a fiber of ThreadSanitizer costs 0.3 ms and there may be
// about 8,000, a fake stack of AddressSanitizer costs a mapping), and what it finds, it finds in few.

#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define WEFT_TEST_INSTRUMENTED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define WEFT_TEST_INSTRUMENTED 1
#endif

namespace weft_test {

/// `whole` in a build as users get it, `part` in one with a sanitizer.
constexpr int how_many([[maybe_unused]] int whole, [[maybe_unused]] int part) {
#if defined(WEFT_TEST_INSTRUMENTED)
    return part;
#else
    return whole;
#endif
}

}  // namespace weft_test
