// Floor: c
//
// Functions for both worlds: what QEMU's scripts generate for co_wrapper. For
//
//     int coroutine_fn co_read(Disk *disk, void *buffer, int size);
//
// this defines int read_disk(Disk *disk, void *buffer, int size), which calls co_read() when it is called inside a coroutine,
// and outside runs it in a new one, and polls the thread's context, which serves others meanwhile, until that has ended:
//
//     WEFT_CO_WRAPPER(int, read_disk, co_read, Disk *, disk, void *, buffer, int, size)      // up to six parameters
//     WEFT_CO_WRAPPER_VOID(flush_disk, co_flush, Disk *, disk)                               // without a result
//
// In C++, where exceptions get through:
//
//     inline constexpr weft::co_wrapper<&co_read> read_disk;

#ifndef WEFT_COMPAT_CO_WRAPPER_H
#define WEFT_COMPAT_CO_WRAPPER_H

#include <qemu/coroutine-core.h>

WEFT_C_BEGIN

/// Outside coroutines: runs entry(opaque) in a new one, and polls the thread's context until it has ended.
void no_coroutine_fn weft_co_run(CoroutineEntry* entry, void* opaque);

WEFT_C_END

// clang-format off

// How many parameters: half of what follows `co_f`.
#define WEFT_CO_COUNT_(co_f, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, count, ...) count
#define WEFT_CO_COUNT(...) WEFT_CO_COUNT_(__VA_ARGS__, 6, odd, 5, odd, 4, odd, 3, odd, 2, odd, 1, odd, 0, odd)
#define WEFT_CO_PASTE_(a, b) a##b
#define WEFT_CO_PASTE(a, b) WEFT_CO_PASTE_(a, b)

// The parameters: as a function declares them, as members, copied into those, and passed on from `p`.
#define WEFT_CO_DECLARE_1(t, n) t n
#define WEFT_CO_DECLARE_2(t, n, ...) t n, WEFT_CO_DECLARE_1(__VA_ARGS__)
#define WEFT_CO_DECLARE_3(t, n, ...) t n, WEFT_CO_DECLARE_2(__VA_ARGS__)
#define WEFT_CO_DECLARE_4(t, n, ...) t n, WEFT_CO_DECLARE_3(__VA_ARGS__)
#define WEFT_CO_DECLARE_5(t, n, ...) t n, WEFT_CO_DECLARE_4(__VA_ARGS__)
#define WEFT_CO_DECLARE_6(t, n, ...) t n, WEFT_CO_DECLARE_5(__VA_ARGS__)

#define WEFT_CO_MEMBERS_1(t, n) t n;
#define WEFT_CO_MEMBERS_2(t, n, ...) t n; WEFT_CO_MEMBERS_1(__VA_ARGS__)
#define WEFT_CO_MEMBERS_3(t, n, ...) t n; WEFT_CO_MEMBERS_2(__VA_ARGS__)
#define WEFT_CO_MEMBERS_4(t, n, ...) t n; WEFT_CO_MEMBERS_3(__VA_ARGS__)
#define WEFT_CO_MEMBERS_5(t, n, ...) t n; WEFT_CO_MEMBERS_4(__VA_ARGS__)
#define WEFT_CO_MEMBERS_6(t, n, ...) t n; WEFT_CO_MEMBERS_5(__VA_ARGS__)

#define WEFT_CO_COPY_1(t, n) weft_call.n = n;
#define WEFT_CO_COPY_2(t, n, ...) weft_call.n = n; WEFT_CO_COPY_1(__VA_ARGS__)
#define WEFT_CO_COPY_3(t, n, ...) weft_call.n = n; WEFT_CO_COPY_2(__VA_ARGS__)
#define WEFT_CO_COPY_4(t, n, ...) weft_call.n = n; WEFT_CO_COPY_3(__VA_ARGS__)
#define WEFT_CO_COPY_5(t, n, ...) weft_call.n = n; WEFT_CO_COPY_4(__VA_ARGS__)
#define WEFT_CO_COPY_6(t, n, ...) weft_call.n = n; WEFT_CO_COPY_5(__VA_ARGS__)

#define WEFT_CO_PASS_1(p, t, n) p n
#define WEFT_CO_PASS_2(p, t, n, ...) p n, WEFT_CO_PASS_1(p, __VA_ARGS__)
#define WEFT_CO_PASS_3(p, t, n, ...) p n, WEFT_CO_PASS_2(p, __VA_ARGS__)
#define WEFT_CO_PASS_4(p, t, n, ...) p n, WEFT_CO_PASS_3(p, __VA_ARGS__)
#define WEFT_CO_PASS_5(p, t, n, ...) p n, WEFT_CO_PASS_4(p, __VA_ARGS__)
#define WEFT_CO_PASS_6(p, t, n, ...) p n, WEFT_CO_PASS_5(p, __VA_ARGS__)

// With a result (R), and without (V).
#define WEFT_CO_RESULT_R(ret) ret weft_result;
#define WEFT_CO_RESULT_V(ret)
#define WEFT_CO_KEEP_R weft_call->weft_result =
#define WEFT_CO_KEEP_V
#define WEFT_CO_RETURN_R return weft_call.weft_result;
#define WEFT_CO_RETURN_V

#define WEFT_CO_DEFINE(kind, ret, f, co_f, declared, members, copies, passed) \
    struct f##_call { WEFT_CO_RESULT_##kind(ret) members }; \
    static void f##_entry(void *opaque) { \
        struct f##_call *weft_call = (struct f##_call *)opaque; \
        (void)weft_call; \
        WEFT_CO_KEEP_##kind co_f passed; \
    } \
    ret f declared { \
        struct f##_call weft_call; \
        copies \
        if (qemu_in_coroutine()) { \
            f##_entry(&weft_call); \
        } else { \
            weft_co_run(f##_entry, &weft_call); \
        } \
        WEFT_CO_RETURN_##kind \
    }
#define WEFT_CO_DEFINE_0(kind, ret, f, co_f) \
    WEFT_CO_DEFINE(kind, ret, f, co_f, (void), char weft_nothing;, weft_call.weft_nothing = 0;, ())
#define WEFT_CO_DEFINE_SOME(count, kind, ret, f, co_f, ...) \
    WEFT_CO_DEFINE(kind, ret, f, co_f, (WEFT_CO_PASTE(WEFT_CO_DECLARE_, count)(__VA_ARGS__)), \
                   WEFT_CO_PASTE(WEFT_CO_MEMBERS_, count)(__VA_ARGS__), \
                   WEFT_CO_PASTE(WEFT_CO_COPY_, count)(__VA_ARGS__), \
                   (WEFT_CO_PASTE(WEFT_CO_PASS_, count)(weft_call->, __VA_ARGS__)))
#define WEFT_CO_DEFINE_1(...) WEFT_CO_DEFINE_SOME(1, __VA_ARGS__)
#define WEFT_CO_DEFINE_2(...) WEFT_CO_DEFINE_SOME(2, __VA_ARGS__)
#define WEFT_CO_DEFINE_3(...) WEFT_CO_DEFINE_SOME(3, __VA_ARGS__)
#define WEFT_CO_DEFINE_4(...) WEFT_CO_DEFINE_SOME(4, __VA_ARGS__)
#define WEFT_CO_DEFINE_5(...) WEFT_CO_DEFINE_SOME(5, __VA_ARGS__)
#define WEFT_CO_DEFINE_6(...) WEFT_CO_DEFINE_SOME(6, __VA_ARGS__)

#define WEFT_CO_WRAPPER(ret, f, ...) WEFT_CO_PASTE(WEFT_CO_DEFINE_, WEFT_CO_COUNT(__VA_ARGS__))(R, ret, f, __VA_ARGS__)
#define WEFT_CO_WRAPPER_VOID(f, ...) WEFT_CO_PASTE(WEFT_CO_DEFINE_, WEFT_CO_COUNT(__VA_ARGS__))(V, void, f, __VA_ARGS__)

// clang-format on

#ifdef __cplusplus
#include <exception>
#include <type_traits>
#include <utility>
#include <weft/detail/task/outcome.hpp>

namespace weft {

template <auto CoFunction>
struct co_wrapper {
    template <class... Arguments>
    coroutine_mixed_fn auto operator()(Arguments&&... arguments) const {
        if (qemu_in_coroutine()) {
            return CoFunction(std::forward<Arguments>(arguments)...);
        }
        auto call = [&] { return CoFunction(std::forward<Arguments>(arguments)...); };
        struct outside {
            decltype(call)* f;
            detail::outcome<decltype(call())> result;
        } mine{&call, {}};
        weft_co_run([](void* opaque) { static_cast<outside*>(opaque)->result.fill(*static_cast<outside*>(opaque)->f); },
                    &mine);
        return mine.result.get();
    }
};

}  // namespace weft
#endif

#endif
