// Floor: c
//
// What the functions of weft.h are made of. No exception gets past them: what can throw stands within or_error(), which
// makes errors of weft's own, or within call(), where C++ code may stand behind a C function; its exceptions end the program.

#pragma once

#include <bit>
#include <cerrno>
#include <new>
#include <system_error>
#include <type_traits>
#include <weft/loop.hpp>

#define WEFT_C_PLAIN_FUNCTIONS  // not the macros that hide them
#include <weft/weft.h>

namespace weft::c {

inline detail::control_block& block_of(weft_coroutine* coroutine) {
    return *reinterpret_cast<detail::control_block*>(coroutine);
}
inline detail::control_block const& block_of(weft_coroutine const* coroutine) {
    return *reinterpret_cast<detail::control_block const*>(coroutine);
}
inline weft_coroutine* handle_of(detail::control_block* block) {
    return reinterpret_cast<weft_coroutine*>(block);
}

/// A struct of weft.h is the memory of one of weft's own, which is all zero at first: tests/c/sync_test.c holds them to it.
template <class Inside, class Outside>
Inside& inside(Outside* outside) {
    static_assert(sizeof(Inside) <= sizeof(Outside) && alignof(Inside) <= alignof(Outside));
    return *std::launder(reinterpret_cast<Inside*>(outside->opaque));
}

inline call_site call_site_of(weft_call_site where) {
    static_assert(sizeof(call_site) == sizeof(weft_call_site));
    return std::bit_cast<call_site>(where);
}

[[nodiscard]] coroutine_options options_of(weft_options const* options);

/// For an exception that is being handled, and has come as far as C code: says what it is, and ends the program.
[[noreturn]] void die_of_exception() noexcept;

/// For a coroutine that is unwound while it is suspended in C code.
[[noreturn]] void die_of_unwinding() noexcept;

/// Calls a function that C code has handed over.
template <class F, class... Arguments>
auto call(F f, Arguments... arguments) noexcept {
    try {
        return f(arguments...);
    } catch (unwinding const&) {
        die_of_unwinding();
    } catch (...) {
        die_of_exception();
    }
}

[[nodiscard]] int error_of(std::error_code const& error) noexcept;

/// Returns what `f()` returns, or, as a negative errno, what it throws. 0 where it returns nothing.
template <class F>
auto or_error(F&& f) noexcept {
    using Result = std::conditional_t<std::is_void_v<std::invoke_result_t<F>>, int, std::invoke_result_t<F>>;
    try {
        if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
            f();
            return 0;
        } else {
            return f();
        }
    } catch (unwinding const&) {
        die_of_unwinding();
    } catch (std::system_error const& e) {
        return static_cast<Result>(error_of(e.code()));
    } catch (std::bad_alloc const&) {
        return static_cast<Result>(-ENOMEM);
    } catch (...) {
        die_of_exception();
    }
}

/// Returns what `f()` makes, or nullptr, where memory, address space or descriptors are short.
template <class F>
auto or_null(F&& f) noexcept -> std::invoke_result_t<F> {
    std::invoke_result_t<F> made = nullptr;
    (void)or_error([&] { made = f(); });
    return made;
}

/// Ends the program with a message if the caller ends with a limit or a shield that it has begun.
void check_limits_ended() noexcept;

}  // namespace weft::c
