# Debian's cross compiler for ppc64le; programs run under qemu-user.
set(weft_triplet powerpc64le-linux-gnu)
set(weft_processor ppc64le)
set(weft_qemu qemu-ppc64le)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
