// Floor: coroutine

#include <weft/coroutine_local.hpp>

#include <mutex>

namespace weft::detail {
namespace {

struct slot_numbers {
    std::mutex mutex;
    std::vector<std::size_t> free;
    std::size_t next = 0;
    std::uint64_t next_id = 1;
};

slot_numbers& numbers() {
    static auto& all = *new slot_numbers;  // never destroyed: variables may be, later
    return all;
}

void destroy_all(local_values*& values) noexcept {
    // A destructor may use a variable again, and so make a value anew.
    while (values != nullptr && values->made_last != nullptr) {
        local_value* last = values->made_last;
        values->made_last = last->made_before;
        for (local_value*& entry : values->by_slot) {
            entry = entry == last ? nullptr : entry;
        }
        delete last;
    }
    delete std::exchange(values, nullptr);
}

struct thread_locals_keeper {
    ~thread_locals_keeper() { destroy_all(this_thread().locals); }
};

}  // namespace

local_variable::local_variable() {
    slot_numbers& all = numbers();
    std::lock_guard lock(all.mutex);
    id = all.next_id++;
    if (all.free.empty()) {
        slot = all.next++;
    } else {
        slot = all.free.back();
        all.free.pop_back();
    }
}

local_variable::~local_variable() {
    slot_numbers& all = numbers();
    std::lock_guard lock(all.mutex);
    all.free.push_back(slot);
}

void add_local(std::size_t slot, std::unique_ptr<local_value> value) {
    thread_state& thread = this_thread();
    if (thread.current == nullptr) {
        thread_local thread_locals_keeper keeper;
        (void)keeper;
    }
    local_values*& values = thread.current != nullptr ? thread.current->locals : thread.locals;
    if (values == nullptr) {
        values = new local_values;
    }
    if (values->by_slot.size() <= slot) {
        values->by_slot.resize(slot + 1);
    }
    // What is there belongs to a variable that is no more; it stays in the list until the coroutine ends.
    value->made_before = values->made_last;
    values->made_last = value.release();
    values->by_slot[slot] = values->made_last;
}

void destroy_locals(control_block& self) noexcept {
    destroy_all(self.locals);
}

}  // namespace weft::detail
