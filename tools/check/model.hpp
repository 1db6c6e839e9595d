// What weft-check keeps of a program: its functions, who calls whom, and where functions are kept for later.
//
// One of these is made of each file that is compiled (frontend.hpp), and all are joined to one (join.hpp):
//
//     compile_commands.json -> read each file's AST -> summary -+-> program -> findings -> report, or marks written
//                                                    summary -+
//
// Functions and variables are named by keys that are the same in each file that sees them.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weft::check {

/// What stands in front of a declaration. A declaration that bears two contradicts itself; so marks are bits.
enum class mark : std::uint8_t { none = 0, coroutine = 1, mixed = 2, blocking = 4 };

constexpr mark operator|(mark a, mark b) {
    return static_cast<mark>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool has(mark all, mark one) {
    return (static_cast<unsigned>(all) & static_cast<unsigned>(one)) != 0;
}

/// coroutine_fn, coroutine_mixed_fn or no_coroutine_fn: the words of the messages.
[[nodiscard]] char const* word_of(mark m);

struct position {
    std::string file;
    unsigned line = 0;
    unsigned column = 0;

    auto operator<=>(position const&) const = default;
};

/// Where a mark can be written to the source: byte offsets in a file. C++ bears it in front, C, as QEMU does, before the name.
struct spot {
    std::string file;
    unsigned in_front = 0;
    unsigned before_name = 0;
    bool c = false;
    bool knows_weft = false;  ///< Whether WEFT_COROUTINE_FN is a macro there, and
    bool knows_qemu = false;  ///< whether coroutine_fn is one.

    auto operator<=>(spot const&) const = default;
};

/// What is known at a call about where it runs, beyond what the function's mark says: `if (weft::in_coroutine())`.
enum class situation : std::uint8_t { open, inside, outside };

struct call {
    std::string callee;  ///< A function's key, or a variable's that holds one; empty where only the type is known.
    std::string name;    ///< Of what is called, where the callee is empty.
    mark of_type = mark::none;  ///< What the type's mark says (a typedef's).
    position where;
    situation at = situation::open;
    bool of_argument = false;  ///< In an instantiation: what is called follows from the template's arguments.
    std::string handed_to;     ///< Not called here, but given to this parameter of a template, which calls it.

    [[nodiscard]] bool handed_over() const { return !handed_to.empty(); }
};

/// A function's address (or a lambda, or what a pointer holds) is put where it will be called from later.
struct flow {
    std::string source;  ///< A function's or variable's key; empty where only the type is known.
    mark source_of_type = mark::none;
    std::string target;       ///< A variable's key; empty where only the type is known: what a function returns.
    std::string target_name;  ///< Where that is not among the variables.
    mark target_of_type = mark::none;
    position where;
    situation at = situation::open;
};

/// What functions and variables that hold functions have in common.
struct declared {
    std::string name;
    position where;
    mark marks = mark::none;
    std::string written_as;  ///< The macro that the mark was written with.
    std::vector<spot> spots;
    bool member = false;  ///< A member of a class.
    bool system = false;  ///< In a header of the system: reported at its callers, never changed.
};

struct function : declared {
    bool lambda = false;
    bool instance = false;  ///< Made from a template.
    bool implicit = false;  ///< Nobody wrote it: a destructor that destroys members.
    bool defined = false;
    bool dependent = false;  ///< A template's pattern that calls what its arguments will tell.
    bool switches = false;   ///< Leaves the stack by means that can't be looked into: assembly, longjmp.
    bool is_virtual = false;
    bool is_main = false;
    std::string pattern;  ///< The key of what it was made from.
    std::vector<std::string> overrides;
    std::vector<call> calls;
    std::vector<flow> flows;
};

struct summary {
    std::map<std::string, function> functions;
    std::map<std::string, declared> variables;
    std::vector<std::string> files;  ///< All that were read.
    std::vector<std::string> errors;
};

/// Takes away what can't matter: functions of the system's headers that reach nothing of the program's, and hand-overs to
/// templates that never call what they are given (std::bind).
void prune(summary& s);

/// The text of a summary, for the cache.
[[nodiscard]] std::string to_json(summary const& s);
[[nodiscard]] summary summary_from_json(std::string const& text);

}  // namespace weft::check
