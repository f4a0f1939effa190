# SPDX-License-Identifier: Apache-2.0
# Compiler settings, dependencies and the few functions every CMakeLists.txt uses.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

# Line tables are enough for a backtrace and a third of the size.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")

# Several files of a target in one compilation: a quarter of the processor time, because headers and their templates are most
# of it.  Presets for daily work and for lint go without, so that a file which lacks an include is seen there.
option(FLEXVPN_UNITY "compile several files of a target at once" OFF)
if(FLEXVPN_UNITY)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 9)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
find_package(OpenSSL 3.0.3 REQUIRED)
find_package(CURL 7.85 REQUIRED)
find_package(nlohmann_json REQUIRED)
pkg_check_modules(LIBMNL REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET libbpf)
pkg_check_modules(LIBPCAP REQUIRED IMPORTED_TARGET libpcap)
pkg_check_modules(LIBREADLINE REQUIRED IMPORTED_TARGET readline)
pkg_check_modules(LIBSYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)

# Debian has Abseil both ways and names the shared one, whose ABI lasts one release and whose 25 files are most of the
# time a command of the shell takes to start.
get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
list(FILTER imported INCLUDE REGEX "^absl::")
foreach(target ${imported})
  get_target_property(file ${target} IMPORTED_LOCATION_NONE)
  string(REGEX REPLACE "\\.so[.0-9]*$" ".a" static "${file}")
  if(NOT static STREQUAL file AND EXISTS ${static})
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_NONE ${static})
  endif()
endforeach()

add_library(fv_options INTERFACE)
target_compile_options(fv_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -fno-exceptions>
  $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra>)
if(FLEXVPN_WERROR)
  target_compile_options(fv_options INTERFACE -Werror)
endif()
target_compile_options(fv_options INTERFACE $<$<CONFIG:Debug>:-O1> -fstack-protector-strong)
target_compile_definitions(fv_options INTERFACE FLEXVPN_VERSION="${PROJECT_VERSION}")
target_include_directories(fv_options INTERFACE ${CMAKE_SOURCE_DIR}/userspace)
target_link_libraries(fv_options INTERFACE absl::status absl::statusor absl::strings absl::str_format
  absl::flat_hash_map absl::flat_hash_set absl::hash)
if(FLEXVPN_UNITY)
  # More is inlined, in which GCC 12 sees variants that nobody set.
  target_compile_options(fv_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
if(FLEXVPN_SANITIZE)
  # A null pointer faults anyway; these three checks cost a quarter of the time to build.
  target_compile_options(fv_options INTERFACE -fsanitize=${FLEXVPN_SANITIZE} -fno-sanitize=null,vptr,object-size
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(fv_options INTERFACE -fsanitize=${FLEXVPN_SANITIZE})
endif()
if(FLEXVPN_COVERAGE)
  target_compile_options(fv_options INTERFACE --coverage)
  target_link_options(fv_options INTERFACE --coverage)
endif()

# Half the time to build; what the tests test keeps its optimisation and all checks.
add_library(fv_unit_options INTERFACE)
target_compile_options(fv_unit_options INTERFACE -O0)
if(FLEXVPN_SANITIZE MATCHES "undefined")
  target_compile_options(fv_unit_options INTERFACE -fno-sanitize=undefined)
endif()

# fv_module(core/ike DEPS core_net ...): library fv_core_ike of all *.cc in that directory and the
# sub-directories named after SUBDIRS.  A module without sources becomes an interface library.
function(fv_module name)
  cmake_parse_arguments(A "" "" "DEPS;SUBDIRS;LIBS" ${ARGN})
  string(REPLACE "/" "_" target "fv_${name}")
  set(globs ${CMAKE_SOURCE_DIR}/userspace/${name}/*.cc)
  foreach(sub ${A_SUBDIRS})
    list(APPEND globs ${CMAKE_SOURCE_DIR}/userspace/${name}/${sub}/*.cc)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${globs})
  list(TRANSFORM A_DEPS PREPEND fv_)
  if(sources)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PUBLIC fv_options ${A_DEPS} ${A_LIBS})
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE fv_options ${A_DEPS} ${A_LIBS})
  endif()
endfunction()

# fv_test(name DEPS ... LABEL unit): gtest binary of all *_test.cc and helpers in the current directory.
function(fv_test name)
  cmake_parse_arguments(A "" "DIR;LABEL" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${A_DIR}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  list(TRANSFORM A_DEPS PREPEND fv_)
  target_link_libraries(${name} PRIVATE ${A_DEPS} ${A_LIBS} GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE FLEXVPN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  if(A_LABEL STREQUAL "unit")
    target_link_libraries(${name} PRIVATE fv_unit_options)  # the last: it takes back what the modules' options say
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${A_LABEL} TIMEOUT 900)
endfunction()
