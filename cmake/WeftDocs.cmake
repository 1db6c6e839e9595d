# The target `docs`: the manual, made from the public headers. A warning fails it.
set(WEFT_DOCS_DIR "${PROJECT_BINARY_DIR}/docs" CACHE PATH "Where the target docs writes to")
find_program(WEFT_DOXYGEN doxygen)
if(WEFT_DOXYGEN AND PROJECT_IS_TOP_LEVEL)
    set(docs_input include docs CONTRIBUTING.md CHANGELOG.md SECURITY.md)
    set(docs_main_page "")
    if(EXISTS "${PROJECT_SOURCE_DIR}/README.md")
        list(APPEND docs_input README.md)
        set(docs_main_page README.md)
    endif()
    list(JOIN docs_input " " docs_input)
    configure_file("${PROJECT_SOURCE_DIR}/docs/Doxyfile.in" "${PROJECT_BINARY_DIR}/Doxyfile" @ONLY)
    add_custom_target(docs
        COMMAND "${CMAKE_COMMAND}" -E make_directory "${WEFT_DOCS_DIR}"
        COMMAND "${WEFT_DOXYGEN}" "${PROJECT_BINARY_DIR}/Doxyfile"
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" VERBATIM)
endif()
