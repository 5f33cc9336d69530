# Exact arithmetic for answers: FLINT 2 with Arb and Calcium beside it (Debian 12), or FLINT 3, which has all three.
# Headers: <flint/ca.h>, or <calcium/ca.h> that includes <arb.h> (src/answer/decide/flint.h hides the difference).
find_path(FLINT_INCLUDE flint/fmpq.h REQUIRED)
find_library(FLINT_LIBRARY flint REQUIRED)
set(CALCIUM_LIBRARIES ${FLINT_LIBRARY})
if(NOT EXISTS ${FLINT_INCLUDE}/flint/ca.h)
  find_path(CALCIUM_INCLUDE calcium/ca.h REQUIRED)
  find_path(ARB_INCLUDE arb.h REQUIRED)
  find_library(CALCIUM_LIBRARY calcium REQUIRED)
  find_library(ARB_LIBRARY flint-arb REQUIRED)
  set(CALCIUM_LIBRARIES ${CALCIUM_LIBRARY} ${ARB_LIBRARY} ${FLINT_LIBRARY})
endif()
