# Debian's cross compiler for aarch64; programs run under qemu-user.
set(weft_triplet aarch64-linux-gnu)
set(weft_processor aarch64)
set(weft_qemu qemu-aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
