// Floor: wait
//
// The plain threads that wait, each in the list for as long as it does: for dump().

#pragma once

#include <cstdint>
#include <vector>
#include <weft/call_site.hpp>
#include <weft/time.hpp>

namespace weft::detail {

/// One thread's wait. On its stack.
class waiting_thread {
public:
    waiting_thread(char const* what, void const* on, call_site where) noexcept;
    waiting_thread(waiting_thread const&) = delete;
    waiting_thread& operator=(waiting_thread const&) = delete;
    ~waiting_thread();

    /// What is known of one.
    struct about {
        std::uint64_t thread;  ///< As the system numbers it.
        char const* what;
        void const* on;
        call_site where;
        clock::time_point since;
    };
    /// All that wait now, those that began last first.
    [[nodiscard]] static std::vector<about> all();

private:
    about about_;
    waiting_thread* previous_ = nullptr;
    waiting_thread* next_ = nullptr;
};

}  // namespace weft::detail
