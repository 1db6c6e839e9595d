// A context without anything on top, for tests.

#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>
#include <weft/detail/context/context.hpp>

namespace context = weft::context;

/// A context on a stack of its own, that runs `body(*this)` and is left with leave().
class raw_context {
public:
    using body = void (*)(raw_context&);

    explicit raw_context(body b) : body_(b) {
        auto end = reinterpret_cast<std::uintptr_t>(memory_.data() + memory_.size()) & ~std::uintptr_t{63};
        context::make(left_, base_.record, reinterpret_cast<void*>(end), [](void* base, std::uintptr_t first) {
            auto& self = *static_cast<located*>(base)->self;
            self.word = first;
            self.body_(self);
            ADD_FAILURE() << "the body returned";
        });
        companion_.map(memory_.size());
        companion_.begin(left_);
    }
    raw_context(raw_context const&) = delete;
    raw_context& operator=(raw_context const&) = delete;
    ~raw_context() { companion_.unmap(); }

    std::uintptr_t enter(std::uintptr_t handed_over) {
        return context::switch_to(enterer_, left_, left_.stack_pointer, handed_over);
    }
    std::uintptr_t leave(std::uintptr_t handed_over) {
        return context::switch_to(left_, enterer_, enterer_.stack_pointer, handed_over);
    }

    // The same by switches that are not inlined.
    std::uintptr_t enter_out_of_line(std::uintptr_t handed_over) {
        return context::switch_out_of_line(enterer_, left_, left_.stack_pointer, handed_over);
    }
    std::uintptr_t leave_out_of_line(std::uintptr_t handed_over) {
        return context::switch_out_of_line(left_, enterer_, enterer_.stack_pointer, handed_over);
    }

    std::uintptr_t word = 0;

private:
    struct located {
        context::entry_record record;
        raw_context* self;
    };

    located base_{{}, this};
    context::frame enterer_;
    context::frame left_;
    body body_;
    context::companion companion_;
    std::vector<char> memory_ = std::vector<char>(256 * 1024);
};
