# Debian's cross compiler for riscv64; programs run under qemu-user.
set(weft_triplet riscv64-linux-gnu)
set(weft_processor riscv64)
set(weft_qemu qemu-riscv64)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
