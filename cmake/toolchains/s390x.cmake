# Debian's cross compiler for s390x; programs run under qemu-user.
set(weft_triplet s390x-linux-gnu)
set(weft_processor s390x)
set(weft_qemu qemu-s390x)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
