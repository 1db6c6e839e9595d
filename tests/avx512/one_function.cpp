// As program.cpp, but only the functions that use AVX-512 are compiled for it, and nothing else of the program or of the library.

#if !defined(__clang__)
#define WEFT_SWITCH_OUT_OF_LINE
#endif

#include <immintrin.h>

#include <cstdio>
#include <weft/coroutine.hpp>

#if defined(__AVX512F__)
#error "this file is to be compiled without -mavx512f"
#endif

#define FOR_AVX512 __attribute__((noinline, target("avx512f,avx512dq")))

namespace {

volatile float numbers[16];

}  // namespace

/// A mask and a vector across a yield.
extern "C" FOR_AVX512 unsigned across_yield(float limit) {
    __m512 all = _mm512_setr_ps(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6],
                                numbers[7], numbers[8], numbers[9], numbers[10], numbers[11], numbers[12], numbers[13],
                                numbers[14], numbers[15]);
    __mmask16 found = _mm512_cmp_ps_mask(all, _mm512_set1_ps(limit), _CMP_LT_OS);
    weft::yield();
    return _cvtmask16_u32(_kor_mask16(found, _mm512_cmp_ps_mask(all, _mm512_set1_ps(100), _CMP_EQ_OS)));
}

/// The same across an enter.
extern "C" FOR_AVX512 unsigned across_enter(weft::coroutine& co, float limit) {
    __m512 all = _mm512_setr_ps(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6],
                                numbers[7], numbers[8], numbers[9], numbers[10], numbers[11], numbers[12], numbers[13],
                                numbers[14], numbers[15]);
    __mmask16 found = _mm512_cmp_ps_mask(all, _mm512_set1_ps(limit), _CMP_LT_OS);
    co.enter();
    return _cvtmask16_u32(_kor_mask16(found, _mm512_cmp_ps_mask(all, _mm512_set1_ps(100), _CMP_EQ_OS)));
}

int main() {
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq")) {
        return 77;
    }
    for (int i = 0; i < 16; ++i) {
        numbers[i] = static_cast<float>(i);
    }
    unsigned few = 0;
    unsigned many = 0;
    weft::coroutine a([&] { few = across_yield(4); });
    weft::coroutine b([&] { many = across_yield(12); });
    a.enter();
    b.enter();
    unsigned some = across_enter(a, 8);
    b.enter();
    std::printf("%x (want f), %x (want ff), %x (want fff)\n", few, some, many);
    return few == 0xf && some == 0xff && many == 0xfff ? 0 : 1;
}
