/* memory.h - allocations that failed, counted, so that nothing which was made without them is taken for whole.
 *
 * Most of raml answers a failed allocation with RAML_ENOMEM where it happens. jansson does not (a token that can't grow
 * loses a letter, or looks like bad input), and one result that is not looked at would pass for a success. So failures are
 * noted: buf.c, arena.c and raml_fail_errno note theirs, and a program's main has all of them noted (cli/memory.c: malloc; raml_json_guard:
 * jansson's; raml_answer_guard: FLINT's) and asks for raml_memory_strict. A file that is closed, a piece that is appended
 * and a pair of answers that is compared while one is noted fail with RAML_ENOMEM (file.h, append.h, answer.h).
 */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include <stddef.h>

/* From any thread; allocates nothing. bytes: what was asked for; 0: not known. */
void raml_memory_note(size_t bytes);
/* How many were noted since the process started. */
size_t raml_memory_noted(void);
/* Bytes that the first one of known size asked for; 0: there was none. */
size_t raml_memory_first(void);
/* What raml_memory_noted has to be still at the end of a piece of work that begins now: what it is, or 0 in a process that
 * is strict, where one failure spoils all that follows. */
size_t raml_memory_mark(void);
void raml_memory_strict(void);

#endif
