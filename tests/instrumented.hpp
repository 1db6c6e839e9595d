// How much a test does: a sanitizer makes a coroutine's life dear (a fiber of ThreadSanitizer costs 0.3 ms and there may be
// about 8,000, a fake stack of AddressSanitizer costs a mapping), and so does an emulator a thread's (qemu-user keeps 0.3 MiB
// for each that ever was). What they find, they find in few.

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

/// `whole` in a build as users get it, `part` in one with a sanitizer, or under an emulator.
constexpr int how_many([[maybe_unused]] int whole, [[maybe_unused]] int part) {
#if defined(WEFT_TEST_INSTRUMENTED) || defined(WEFT_EMULATED)
    return part;
#else
    return whole;
#endif
}

}  // namespace weft_test
