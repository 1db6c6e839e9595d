#include <coroutines.hpp>

struct device {
    virtual ~device() = default;
    WEFT_COROUTINE_FN virtual void read() = 0;
    virtual void write() = 0;
    WEFT_MIXED_FN virtual void flush() = 0;
    WEFT_NO_COROUTINE_FN virtual void close() = 0;
    virtual void name() = 0;
};

struct disk : device {
    void read() override { yield(); }  // expect: weft-lost-mark, weft-unmarked-caller
    WEFT_COROUTINE_FN void write() override { yield(); }  // expect: weft-lost-mark
    void flush() override;  // expect: weft-lost-mark
    void close() override;  // expect: weft-lost-mark
    void name() override;
};

struct tape : device {
    WEFT_COROUTINE_FN void read() override;
    void write() override;
    WEFT_MIXED_FN void flush() override;
    WEFT_NO_COROUTINE_FN void close() override;
    WEFT_MIXED_FN void name() override;
};

void call(device& d) {
    d.read();  // expect: weft-unmarked-caller
}
