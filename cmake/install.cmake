# What `cmake --install` puts where. Components: `sdk` (headers, libforebay, CMake package, proto files) and `server` (programs, example
# configuration).
#
# The SDK is one shared library: what it is made of (gRPC, protobuf, compression) is linked inside or found by the loader, so that a program
# needs nothing but find_package(forebay) and forebay::forebay. Symbols of the generated code and of the inner libraries stay hidden: a
# program may have its own copy of them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/sdk_anchor.cc.in "// A shared library needs a source of its own.\n")
configure_file(${CMAKE_CURRENT_BINARY_DIR}/sdk_anchor.cc.in ${CMAKE_CURRENT_BINARY_DIR}/sdk_anchor.cc COPYONLY)
add_library(forebay_sdk SHARED ${CMAKE_CURRENT_BINARY_DIR}/sdk_anchor.cc)
add_library(forebay::forebay ALIAS forebay_sdk)
set_target_properties(forebay_sdk PROPERTIES OUTPUT_NAME forebay EXPORT_NAME forebay VERSION ${PROJECT_VERSION}
                                             SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_compile_features(forebay_sdk INTERFACE cxx_std_20)
target_include_directories(forebay_sdk INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                 $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(forebay_sdk PRIVATE forebay_client forebay_client_core forebay_sanitize)
set_target_properties(forebay_sdk PROPERTIES LINK_LIBRARY_OVERRIDE "WHOLE_ARCHIVE,forebay_client,forebay_client_core")
target_link_options(forebay_sdk PRIVATE LINKER:--exclude-libs,libforebay_proto.a:libforebay_grpc.a:libforebay_model.a:libforebay_schema_core.a)
if(NOT FOREBAY_SANITIZE)
  target_link_options(forebay_sdk PRIVATE LINKER:--no-undefined)
endif()

install(TARGETS forebay_sdk EXPORT forebayTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk NAMELINK_COMPONENT sdk)
install(DIRECTORY include/forebay DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk FILES_MATCHING PATTERN "*.h")
install(DIRECTORY proto/forebay/v1 DESTINATION ${CMAKE_INSTALL_DATADIR}/forebay/proto/forebay COMPONENT sdk
  FILES_MATCHING PATTERN "*.proto")
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/forebay)
install(EXPORT forebayTargets NAMESPACE forebay:: DESTINATION ${package_folder} COMPONENT sdk)
configure_package_config_file(cmake/forebayConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/forebayConfig.cmake
  INSTALL_DESTINATION ${package_folder})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/forebayConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/forebayConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/forebayConfigVersion.cmake
  DESTINATION ${package_folder} COMPONENT sdk)

foreach(program forebayd forebay_tool)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT server)
  endif()
endforeach()
install(FILES config/forebay.yaml config/cluster-node.yaml DESTINATION ${CMAKE_INSTALL_DATADIR}/forebay COMPONENT server)
