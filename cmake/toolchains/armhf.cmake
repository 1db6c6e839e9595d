# Debian's cross compiler for armhf; programs run under qemu-user.
set(weft_triplet arm-linux-gnueabihf)
set(weft_processor arm)
set(weft_qemu qemu-arm)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
