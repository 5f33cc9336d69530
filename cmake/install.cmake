# What other programs build on, and what `cmake --install` puts where: libraml.so and libraml.a, the headers, raml.pc, the
# program, its manual pages, shell completion and studies. `cmake --build DIR --target installable` makes all of it.
include(GNUInstallDirs)

# All layers but the command line, from the objects that the layers' own libraries are made of.
get_property(layers GLOBAL PROPERTY RAML_LAYERS)
set(layer_objects ${device_objects})
foreach(layer core device ${layers})
  list(APPEND layer_objects $<TARGET_OBJECTS:raml_${layer}>)
endforeach()
add_library(raml_static STATIC ${layer_objects})
add_library(raml_shared SHARED ${layer_objects})
# Before 1.0 a minor version may change what programs see of the library.
set_target_properties(raml_static raml_shared PROPERTIES OUTPUT_NAME raml LINKER_LANGUAGE C)
set_target_properties(raml_shared PROPERTIES VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_link_libraries(raml_shared PRIVATE PkgConfig::LAPACKE PkgConfig::MD PkgConfig::YAML PkgConfig::JANSSON PkgConfig::PCRE2 PkgConfig::UTF8PROC PkgConfig::XXHASH
  OpenMP::OpenMP_C ${DNNL_LIBRARY} ${CALCIUM_LIBRARIES} gmp m)
# Calls within the library stay within it, and all that it needs it names.
target_link_options(raml_shared PRIVATE -Wl,-Bsymbolic)
if(NOT RAML_SANITIZE) # whose own functions come with the program
  target_link_options(raml_shared PRIVATE -Wl,-z,defs)
endif()

# raml.pc finds its prefix from where it lies: it stays right under `cmake --install --prefix` and DESTDIR.
# as_flags(VARIABLE LIBRARY...): what a linker takes for libraries that were found as files.
function(as_flags variable)
  set(flags)
  foreach(library ${ARGN})
    get_filename_component(folder "${library}" DIRECTORY)
    get_filename_component(name "${library}" NAME_WE)
    string(REGEX REPLACE "^lib" "" name "${name}")
    if(folder AND NOT folder IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
      list(APPEND flags "-L${folder}")
    endif()
    list(APPEND flags "-l${name}")
  endforeach()
  string(REPLACE ";" " " flags "${flags}")
  set(${variable} "${flags}" PARENT_SCOPE)
endfunction()
as_flags(pc_libraries ${DNNL_LIBRARY} ${CALCIUM_LIBRARIES} gmp)
if(CMAKE_C_COMPILER_ID STREQUAL GNU)
  set(pc_openmp "${OpenMP_C_FLAGS}") # gcc knows where its own is
else()
  as_flags(pc_openmp ${OpenMP_C_LIBRARIES})
endif()
file(RELATIVE_PATH pc_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
set(pc_prefix "\${pcfiledir}/${pc_prefix}")
file(RELATIVE_PATH pc_libdir "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_LIBDIR}")
file(RELATIVE_PATH pc_includedir "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
configure_file(cmake/raml.pc.in raml.pc @ONLY)

# Pages are written by the program itself, from its tables of settings.
set(pages ${CMAKE_BINARY_DIR}/pages)
add_custom_command(OUTPUT ${pages}/made
  COMMAND ${CMAKE_COMMAND} -DRAML=$<TARGET_FILE:raml> -DPAGES=${pages} -P ${CMAKE_SOURCE_DIR}/cmake/pages.cmake
  DEPENDS raml ${CMAKE_SOURCE_DIR}/cmake/pages.cmake COMMENT "Writing manual pages and shell completion" VERBATIM)
add_custom_target(raml_pages ALL DEPENDS ${pages}/made)
add_custom_target(installable DEPENDS raml raml_static raml_shared raml_pages)

install(TARGETS raml raml_static raml_shared RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/raml DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/raml.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY studies DESTINATION ${CMAKE_INSTALL_DATADIR}/raml FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY ${pages}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES ${pages}/raml DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${pages}/_raml DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${pages}/raml.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
