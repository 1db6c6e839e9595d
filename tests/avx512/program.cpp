// Two coroutines that keep a mask and a vector of AVX-512 in registers, as compilers like to, while the other one runs. Exits with 77
// where the processor lacks it.

#include <immintrin.h>

#include <cstdio>
#include <weft/coroutine.hpp>

namespace {

volatile float numbers[16];

}  // namespace

/// Which of the numbers are below `limit`: the mask is used as a mask, and the vector once more, after the suspension.
extern "C" [[gnu::noinline]] unsigned below(float limit) {
    float copy[16];
    for (int i = 0; i < 16; ++i) {
        copy[i] = numbers[i];
    }
    __m512 all = _mm512_loadu_ps(copy);
    __mmask16 found = _mm512_cmp_ps_mask(all, _mm512_set1_ps(limit), _CMP_LT_OS);
    weft::yield();
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
    weft::coroutine a([&] { few = below(4); });
    weft::coroutine b([&] { many = below(12); });
    a.enter();
    b.enter();
    a.enter();
    b.enter();
    std::printf("%x (want f), %x (want fff)\n", few, many);
    return few == 0xf && many == 0xfff ? 0 : 1;
}
