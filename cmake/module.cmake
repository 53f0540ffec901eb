# forebay_module(NAME DIR dir [PURE] SOURCES ... [LINK ...] [PRIVATE ...])
#   One static library per folder of src/, named forebay_NAME (alias forebay::NAME).
#   Its include root is a directory of the build tree that holds one link to that folder, so `#include "log/core/frame.h"`
#   compiles only in a target that links forebay::log_core: the build refuses a dependency that was not declared.
#   PURE: may link other PURE modules only; what is banned inside is checked by tests/check_purity.
#   LINK is public (headers name it), PRIVATE is for sources only.
# forebay_test(NAME SOURCES ... LINK ... [LABEL unit])
#   One GoogleTest binary, registered with ctest as one test.
set_property(GLOBAL PROPERTY FOREBAY_PURE_MODULES "")

# One precompiled header for all our code: the standard library, which every file uses, and nothing else.
function(forebay_pch target)
  if(NOT FOREBAY_PCH)
    return()
  endif()
  if(NOT TARGET forebay_pch)
    if(NOT EXISTS ${CMAKE_BINARY_DIR}/pch_anchor.cc)  # written once: a new one would rebuild everything
      file(WRITE ${CMAKE_BINARY_DIR}/pch_anchor.cc "")
    endif()
    add_library(forebay_pch OBJECT ${CMAKE_BINARY_DIR}/pch_anchor.cc)
    target_link_libraries(forebay_pch PRIVATE forebay_options)
    target_precompile_headers(forebay_pch PRIVATE <algorithm> <array> <chrono> <cstdint> <cstring> <deque> <functional>
      <map> <memory> <optional> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>)
  endif()
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")  # GCC accepts the header only with the flag it was made with, and CMake would say -fPIE here
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
  target_precompile_headers(${target} REUSE_FROM forebay_pch)
endfunction()

function(forebay_module NAME)
  cmake_parse_arguments(M "PURE" "DIR" "SOURCES;LINK;PRIVATE" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/include-roots/${NAME})
  get_filename_component(parent ${root}/${M_DIR} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/${M_DIR} ${root}/${M_DIR} SYMBOLIC)
  add_library(forebay_${NAME} STATIC ${M_SOURCES})
  add_library(forebay::${NAME} ALIAS forebay_${NAME})
  target_include_directories(forebay_${NAME} PUBLIC $<BUILD_INTERFACE:${root}>)
  target_link_libraries(forebay_${NAME} PUBLIC ${M_LINK} PRIVATE ${M_PRIVATE} forebay_options)
  forebay_pch(forebay_${NAME})
  if(M_PURE)
    set_property(GLOBAL APPEND PROPERTY FOREBAY_PURE_MODULES forebay::${NAME})
    get_property(pure GLOBAL PROPERTY FOREBAY_PURE_MODULES)
    foreach(dependency IN LISTS M_LINK M_PRIVATE)
      if(dependency MATCHES "^forebay::" AND NOT dependency IN_LIST pure)
        message(FATAL_ERROR "module ${NAME} is PURE and must not link ${dependency}")
      endif()
    endforeach()
  endif()
endfunction()

function(forebay_test NAME)
  cmake_parse_arguments(T "" "LABEL;TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT T_LABEL)
    set(T_LABEL unit)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  add_executable(${NAME} ${T_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${T_LINK} forebay_options GTest::gmock GTest::gtest_main)
  # The precompiled header is made with -fPIC; CMake would give an executable -fPIE, and GCC refuses the mixture.
  set_target_properties(${NAME} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${NAME} PRIVATE -fPIC)
  forebay_pch(${NAME})
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${NAME} COMMAND ${NAME} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${NAME} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT})
endfunction()
