# Debian's cross compiler for i386. Programs run on this machine's own processor, by the other C library's loader; where
# the kernel or the processor does not run them, under qemu-user.
set(weft_triplet i686-linux-gnu)
set(weft_processor i686)
set(weft_qemu qemu-i386)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
set(weft_loader /usr/${weft_triplet}/lib/ld-linux.so.2)
execute_process(COMMAND ${weft_loader} --version RESULT_VARIABLE weft_refused OUTPUT_QUIET ERROR_QUIET)
if(weft_refused EQUAL 0)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${weft_loader};--library-path;/usr/${weft_triplet}/lib")
endif()
