# The device layer. The kernels are compiled once per instruction set (their symbols carry its name) and chosen when
# the program starts; the plain reference is always there, and so is "base": the same kernels in plain C, for processors
# that have no level of their own. Every level but the reference gives the same bits: so nothing may be contracted to
# fused operations that the source does not ask for, nor left out of order.
file(GLOB device_sources CONFIGURE_DEPENDS src/device/*.c src/device/cpu/*.c)
file(GLOB isa_sources CONFIGURE_DEPENDS src/device/cpu/isa/*.c)
add_library(raml_device STATIC ${device_sources})
target_include_directories(raml_device PUBLIC include PRIVATE src)
target_include_directories(raml_device SYSTEM PRIVATE ${DNNL_INCLUDE})
target_link_libraries(raml_device PUBLIC raml_core ${DNNL_LIBRARY})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(isa_list base avx2 avx512 avx512bf16)
  set(isa_flags_avx2 -march=x86-64-v3)
  set(isa_flags_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  set(isa_flags_avx512bf16 -march=x86-64-v4 -mavx512bf16 -mprefer-vector-width=512)
else()
  set(isa_list base)
endif()
foreach(isa ${isa_list})
  add_library(raml_device_${isa} OBJECT ${isa_sources})
  target_include_directories(raml_device_${isa} PRIVATE include src)
  target_link_libraries(raml_device_${isa} PRIVATE OpenMP::OpenMP_C)
  target_compile_options(raml_device_${isa} PRIVATE ${isa_flags_${isa}} -O3 -ffp-contract=off)
  target_compile_definitions(raml_device_${isa} PRIVATE RAML_ISA=${isa})
  target_compile_definitions(raml_device PRIVATE RAML_HAS_${isa})
  target_sources(raml_device PRIVATE $<TARGET_OBJECTS:raml_device_${isa}>)
endforeach()
# The optimizer's loops are worth vectorising; what the compiler may fuse must not decide a number.
set_source_files_properties(src/device/cpu/optim.c PROPERTIES COMPILE_OPTIONS "-O3;-ffp-contract=off")
