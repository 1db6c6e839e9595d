// What calling a function means, where its mark does not say it.
//
// A coroutine_fn needs a coroutine: its callers have to be marked, up to where a coroutine begins. Three things are never
// marked, and are what their callees make of them: lambdas, instances of templates that call what their arguments are, and
// functions of the system's headers. So std::for_each over a lambda that yields needs a coroutine too.
//
// A no_coroutine_fn blocks. Unmarked functions that call it block as well, however deep.

#pragma once

#include <map>

#include "model.hpp"

namespace weft::check {

class effects {
public:
    explicit effects(summary const& all);

    /// A function's own mark, or its pattern's; a variable's.
    [[nodiscard]] mark marks(std::string const& key) const;
    /// Whether what is called there can only be called in a coroutine, or must not be called in one.
    [[nodiscard]] bool needs_coroutine(call const& c) const;
    [[nodiscard]] bool blocks(call const& c) const;
    [[nodiscard]] bool needs_coroutine(std::string const& key) const;
    [[nodiscard]] bool blocks(std::string const& key) const;
    /// Whether it may suspend, in a coroutine: it is marked so, or is made of what is.
    [[nodiscard]] bool waits(call const& c) const;

    /// Whether the function is what its callees make of it.
    [[nodiscard]] bool transparent(function const& f) const;
    /// Whether what is called there is the business of whoever chose the template's arguments: also in a mixed function, as
    /// weft::with_limit(limit, f) is.
    [[nodiscard]] bool callers_choice(std::string const& key, function const& f, call const& c) const;
    /// Whether a call of something that needs a coroutine makes the calling function, a transparent one, need one.
    [[nodiscard]] bool passes_on(std::string const& key, function const& f, call const& c) const;

    /// Why an unmarked function needs a coroutine, or blocks: the first call that makes it so. Null if none does.
    [[nodiscard]] call const* why_needs(std::string const& key) const;
    [[nodiscard]] call const* why_blocks(std::string const& key) const;

    /// Null for what is no function of the program.
    [[nodiscard]] function const* find(std::string const& key) const;

    /// Whether the function, or what it calls, can ever suspend.
    [[nodiscard]] bool can_suspend(std::string const& key) const { return suspending_.contains(key); }

private:
    using causes = std::map<std::string, call const*>;

    void derive();
    bool derive(std::string const& key, function const& f);
    void find_suspending();
    [[nodiscard]] bool suspends(function const& f) const;

    summary const& all_;
    causes needing_;
    causes blocking_;
    causes waiting_;
    std::map<std::string, bool> suspending_;
};

}  // namespace weft::check
