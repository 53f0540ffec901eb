# What every target of ours is compiled with. Warnings are errors; generated code gets none of it.
add_library(forebay_options INTERFACE)
add_library(forebay::options ALIAS forebay_options)
# Designated initialisers name what differs from the default: a member left out is no mistake.
target_compile_options(forebay_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wold-style-cast -Werror
                                                 -Wno-missing-field-initializers -fno-omit-frame-pointer)
# x86-64-v2 has the CRC-32C instruction; every server processor since 2009 has it.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(forebay_options INTERFACE -march=x86-64-v2)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these falsely in optimised std::string, std::vector and std::variant code (GCC bugs 105651, 106199, 105562).
  target_compile_options(forebay_options INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds
                                                   -Wno-maybe-uninitialized)
endif()

add_library(forebay_sanitize INTERFACE)
if(FOREBAY_SANITIZE)
  target_compile_options(forebay_sanitize INTERFACE -fsanitize=${FOREBAY_SANITIZE} -fno-sanitize-recover=all -g1)
  target_link_options(forebay_sanitize INTERFACE -fsanitize=${FOREBAY_SANITIZE})
  if(FOREBAY_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio has memory fences, which the thread sanitizer does not model; everything they order has a mutex or atomic too.
    target_compile_options(forebay_sanitize INTERFACE -Wno-tsan)
  endif()
endif()
if(FOREBAY_FUZZ)
  target_compile_options(forebay_sanitize INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_link_libraries(forebay_options INTERFACE forebay_sanitize)
add_link_options(-fuse-ld=lld)
set_property(GLOBAL PROPERTY JOB_POOLS link=1)
set(CMAKE_JOB_POOL_LINK link)
