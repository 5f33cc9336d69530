/* memory.c - see memory.h. */
#include "core/memory.h"

#include <stdatomic.h>
#include <stdbool.h>

static atomic_size_t noted, first;
static atomic_bool strict;

void raml_memory_note(size_t bytes)
{
    size_t none = 0;
    atomic_compare_exchange_strong(&first, &none, bytes);
    atomic_fetch_add(&noted, 1);
}

size_t raml_memory_noted(void)
{
    return atomic_load(&noted);
}

size_t raml_memory_first(void)
{
    return atomic_load(&first);
}

size_t raml_memory_mark(void)
{
    return atomic_load(&strict) ? 0 : raml_memory_noted();
}

void raml_memory_strict(void)
{
    atomic_store(&strict, true);
}
