// A processor with shadow stacks and indirect branch tracking, for machines whose processor or kernel has none: runs a
// program step by step, keeps the shadow stack that such a processor would, and ends with an error where that would.
//
//     machine PROGRAM        watches PROGRAM from its first int3 to its second
//
// What the instructions do is from the Intel 64 and IA-32 Architectures Software Developer's Manual: volume 1, chapter 17,
// and volume 2, CALL, RET, RSTORSSP, SAVEPREVSSP, INCSSPQ, RDSSPQ. Branches are checked within the program's own code only:
// the distribution's libraries are not built for it.

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <unordered_map>

namespace {

using word = std::uint64_t;

constexpr word map_shadow_stack = 453;

class machine {
public:
    explicit machine(pid_t child, std::string const& program) : child_(child) {
        std::ifstream maps("/proc/" + std::to_string(child) + "/maps");
        for (std::string line; std::getline(maps, line);) {
            if (line.find("r-xp") != std::string::npos && line.ends_with(program)) {
                std::sscanf(line.c_str(), "%lx-%lx", &code_begin_, &code_end_);
            }
        }
        if (code_end_ == 0) {
            die("no code of the program is mapped");
        }
        pointer_ = new_stack(1 << 20);
    }

    /// Until the next int3.
    void run() {
        for (;;) {
            ptrace(PTRACE_GETREGS, child_, nullptr, &registers_);
            std::array<unsigned char, 16> code = code_at(registers_.rip);
            if (code[0] == 0xcc) {
                return;
            }
            if (!emulate(code)) {
                execute(code);
            }
            ++steps_;
        }
    }

    void report() const {
        std::printf("%lu steps, %lu switches of shadow stacks, %lu words taken off, %lu indirect branches: all right\n",
                    steps_, switches_, taken_off_, branches_);
        if (switches_ < 400 || taken_off_ < 10 || branches_ < 400) {
            die("that is fewer than the program has to make");
        }
    }

private:
    [[noreturn]] void die(char const* what) const {
        std::fprintf(stderr, "machine: %s, at %#llx after %lu steps\n", what, registers_.rip, steps_);
        kill(child_, SIGKILL);
        std::exit(1);
    }

    word new_stack(word bytes) {
        next_stack_ += 2 * bytes;
        word top = next_stack_;
        memory_[top - 8] = top | 1;
        return top;
    }

    word& shadow(word address) {
        auto found = memory_.find(address);
        if (found == memory_.end()) {
            die("a word of the shadow stack is read that was never written");
        }
        return found->second;
    }

    word peek(word address) const {
        errno = 0;
        long value = ptrace(PTRACE_PEEKDATA, child_, address, nullptr);
        if (errno != 0) {
            die("memory can't be read");
        }
        return static_cast<word>(value);
    }

    std::array<unsigned char, 16> code_at(word address) const {
        std::array<word, 2> words{peek(address), 0};
        errno = 0;
        words[1] = static_cast<word>(ptrace(PTRACE_PEEKDATA, child_, address + 8, nullptr));
        std::array<unsigned char, 16> code;
        std::memcpy(code.data(), words.data(), code.size());
        return code;
    }

    unsigned long long& general_register(unsigned number) {
        auto& r = registers_;
        std::array<unsigned long long*, 16> all{&r.rax, &r.rcx, &r.rdx, &r.rbx, &r.rsp, &r.rbp, &r.rsi, &r.rdi,
                                                &r.r8,  &r.r9,  &r.r10, &r.r11, &r.r12, &r.r13, &r.r14, &r.r15};
        return *all[number];
    }

    void skip(unsigned length) {
        registers_.rip += length;
        ptrace(PTRACE_SETREGS, child_, nullptr, &registers_);
    }

    /// The instructions that this processor does not have.
    bool emulate(std::array<unsigned char, 16> const& code) {
        if (code[0] == 0xf3 && (code[1] & 0xf8) == 0x48 && code[2] == 0x0f && code[3] == 0x1e &&
            (code[4] & 0xf8) == 0xc8) {  // rdsspq
            general_register((code[4] & 7U) | (code[1] & 1U) << 3) = pointer_;
            skip(5);
        } else if (code[0] == 0xf3 && (code[1] & 0xf8) == 0x48 && code[2] == 0x0f && code[3] == 0xae &&
                   (code[4] & 0xf8) == 0xe8) {  // incsspq
            word count = general_register((code[4] & 7U) | (code[1] & 1U) << 3) & 255;
            pointer_ += 8 * count;
            taken_off_ += count;
            skip(5);
        } else if (code[0] == 0xf3 && code[1] == 0x0f && code[2] == 0x01 && code[3] == 0xea) {
            save_previous();
            skip(4);
        } else if (code[0] == 0xf3 && code[1] == 0x0f && code[2] == 0x01 && (code[3] & 0xf8) == 0x28) {
            restore(general_register(code[3] & 7U));
            skip(4);
        } else if (code[0] == 0x0f && code[1] == 0x05 && registers_.rax == map_shadow_stack) {
            registers_.rax = new_stack(registers_.rsi) - registers_.rsi;
            skip(2);
        } else if (code[0] == 0x0f && code[1] == 0x05 && registers_.rax == SYS_munmap &&
                   registers_.rdi >= first_stack) {
            registers_.rax = 0;
            skip(2);
        } else {
            return false;
        }
        return true;
    }

    void restore(word address) {  // rstorssp
        word token = shadow(address);
        if ((token & 3) != 1 || (token & ~word{7}) - 8 != address) {
            die("rstorssp finds no token");
        }
        shadow(address) = pointer_ | 3;
        pointer_ = address;
        ++switches_;
    }

    void save_previous() {  // saveprevssp
        word previous = shadow(pointer_);
        if ((previous & 2) == 0) {
            die("saveprevssp finds no token");
        }
        pointer_ += 8;
        previous &= ~word{7};
        memory_[previous - 8] = previous | 1;
    }

    /// Any other one, and what the processor would do beside.
    void execute(std::array<unsigned char, 16> const& code) {
        unsigned at = 0;
        bool tracked = true;
        while (is_prefix(code[at])) {
            tracked = tracked && code[at] != 0x3e;
            ++at;
        }
        unsigned indirect = code[at] == 0xff ? code[at + 1] >> 3 & 7U : 0;
        bool call = code[at] == 0xe8 || indirect == 2;
        bool ret = code[at] == 0xc3 || code[at] == 0xc2;
        bool own = is_own(registers_.rip);
        step();
        if (call) {
            pointer_ -= 8;
            memory_[pointer_] = peek(registers_.rsp);
        } else if (ret) {
            if (shadow(pointer_) != registers_.rip) {
                die("a return goes elsewhere than the shadow stack says");
            }
            pointer_ += 8;
        }
        if (tracked && (indirect == 2 || indirect == 4) && own && is_own(registers_.rip)) {
            ++branches_;
            std::array<unsigned char, 16> target = code_at(registers_.rip);
            if (target[0] != 0xf3 || target[1] != 0x0f || target[2] != 0x1e || target[3] != 0xfa) {
                die("an indirect branch does not land on endbr64");
            }
        }
    }

    static bool is_prefix(unsigned char byte) {
        return std::strchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf2\xf3", byte) != nullptr ? byte != 0
                                                                                        : (byte & 0xf0) == 0x40;
    }

    void step() {
        int status = 0;
        ptrace(PTRACE_SINGLESTEP, child_, nullptr, nullptr);
        if (waitpid(child_, &status, 0) != child_ || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) {
            die("the program has ended, or got a signal");
        }
        ptrace(PTRACE_GETREGS, child_, nullptr, &registers_);
    }

    [[nodiscard]] bool is_own(word address) const { return address >= code_begin_ && address < code_end_; }

    static constexpr word first_stack = 0x6000'0000'0000;

    pid_t child_;
    word code_begin_ = 0;
    word code_end_ = 0;
    user_regs_struct registers_{};
    std::unordered_map<word, word> memory_;
    word next_stack_ = first_stack;
    word pointer_ = 0;
    unsigned long steps_ = 0;
    unsigned long switches_ = 0;
    unsigned long taken_off_ = 0;
    unsigned long branches_ = 0;
};

/// Lets it run to an int3, or to its end; returns what waitpid() says.
int run_freely(pid_t child) {
    int status = 0;
    ptrace(PTRACE_CONT, child, nullptr, nullptr);
    waitpid(child, &status, 0);
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: machine PROGRAM\n");
        return 2;
    }
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        execl(argv[1], argv[1], nullptr);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFSTOPPED(status)) {
        std::fprintf(stderr, "machine: programs can't be traced here\n");
        return 77;
    }
    status = run_freely(child);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) {
        std::fprintf(stderr, "machine: the program does not come to its first int3\n");
        return 1;
    }
    machine cpu(child, argv[1]);
    cpu.run();
    cpu.report();
    run_freely(child);
    status = run_freely(child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::fprintf(stderr, "machine: the program ended with status %#x\n", static_cast<unsigned>(status));
        return 1;
    }
}
