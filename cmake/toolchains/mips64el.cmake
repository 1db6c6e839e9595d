# Debian's cross compiler for mips64el; programs run under qemu-user.
set(weft_triplet mips64el-linux-gnuabi64)
set(weft_processor mips64el)
set(weft_qemu qemu-mips64el)
set(weft_qemu_cpu MIPS64R2-generic)  # the default one, 5KEf, can't round but to the nearest
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
