// The main() of programs of tests: a death is that of another copy of the program, which has run no other test.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

int main(int argc, char** argv) {
#if !defined(WEFT_CROSS_COMPILED)  // this system would not know how to run the copy
    GTEST_FLAG_SET(death_test_style, "threadsafe");
#endif
    testing::InitGoogleMock(&argc, argv);
    return RUN_ALL_TESTS();
}
