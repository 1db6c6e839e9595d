// Floor: context
//
// The FPU control words: rounding mode, which exceptions trap, flush to zero; not the flags of what has happened. (On x86
// the x87 control word and MXCSR, elsewhere fpcr, fpscr, fcsr, fpc.) A switch leaves them alone; they are saved and put back
// around it for a coroutine that asks for that.

#pragma once

#include <cfenv>

namespace weft::context {

#if defined(FE_DFL_MODE)
class fpu_control {
public:
    void save() { fegetmode(&words_); }
    void put_back() const { fesetmode(&words_); }

private:
    femode_t words_;
};
#else
// C libraries that do not follow ISO/IEC TS 18661-1: there the flags come along.
class fpu_control {
public:
    void save() { fegetenv(&words_); }
    void put_back() const { fesetenv(&words_); }

private:
    fenv_t words_;
};
#endif

}  // namespace weft::context
