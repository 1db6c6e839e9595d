# tests/fuzz/NAME.cpp -> fuzz_NAME; its kept corpus is tests/fuzz/corpus/NAME/. All the code is instrumented (see
# WeftOptions), only the fuzzers themselves get libFuzzer's main().
file(GLOB fuzzers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/*.cpp")
add_custom_target(fuzzers)
foreach(file IN LISTS fuzzers)
    get_filename_component(stem "${file}" NAME_WE)
    string(REGEX REPLACE "^fuzz_" "" name "${stem}")
    add_executable(fuzz_${name} "${file}")
    target_link_libraries(fuzz_${name} PRIVATE
        weft::weft weft_private weft_warnings $<TARGET_NAME_IF_EXISTS:nbd_server>)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers fuzz_${name})
endforeach()
