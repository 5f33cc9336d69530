# raml_embed(TARGET FILE VARIABLE HEADER): FILE's bytes, ended by a zero, as `const char VARIABLE[]` in TARGET; HEADER
# declares it.
function(raml_embed target file variable header)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  get_filename_component(name ${file} NAME_WE)
  set(source ${CMAKE_BINARY_DIR}/embedded/${name}_bytes.c)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\nconst char ${variable}[] = {\n@bytes@0};\n" @ONLY)
  target_sources(${target} PRIVATE ${source})
endfunction()
