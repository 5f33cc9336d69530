# cmake -DRAML=PROGRAM -DPAGES=FOLDER -P pages.cmake: the manual pages and the completion that the program writes, into
# FOLDER: man1/raml.1 and man1/raml-COMMAND.1 of each command that `raml --help` lists, raml (bash), _raml (zsh), raml.fish.

# write(FILE ARGUMENT...): what `raml help ARGUMENT...` prints.
function(write file)
  execute_process(COMMAND ${RAML} help ${ARGN} OUTPUT_FILE ${PAGES}/${file} RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${RAML} help ${ARGN}: exit code ${code}")
  endif()
endfunction()

file(REMOVE_RECURSE ${PAGES})
file(MAKE_DIRECTORY ${PAGES}/man1)
write(man1/raml.1 --format man)
write(raml --format bash)
write(_raml --format zsh)
write(raml.fish --format fish)

# The list: lines of two spaces, the name padded to 14, the description.
execute_process(COMMAND ${RAML} --help OUTPUT_VARIABLE overview RESULT_VARIABLE code)
string(REGEX MATCHALL "\n  [a-z][a-z_ ]............ [^\n]" lines "${overview}")
foreach(line ${lines})
  string(SUBSTRING "${line}" 3 14 name)
  string(STRIP "${name}" name)
  string(REPLACE " " "-" page "raml-${name}")
  string(REPLACE " " ";" words "${name}")
  write(man1/${page}.1 ${words} --format man)
endforeach()
if(NOT lines OR NOT code EQUAL 0)
  message(FATAL_ERROR "${RAML} --help lists no commands")
endif()
file(WRITE ${PAGES}/made "")
