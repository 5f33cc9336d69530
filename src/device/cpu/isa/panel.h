/* panel.h - this instruction set's kernels of panels, for the products beside them. Contract: device/cpu/panel.h. */
#ifndef RAML_ISA_PANEL_H
#define RAML_ISA_PANEL_H

#include "device/cpu/panel.h"

#include "device/cpu/isa/vec.h"

#define panel_expand_isa RAML_NAME(panel_expand)
#define panel_skinny_isa RAML_NAME(panel_skinny)
#define panel_direct_isa RAML_NAME(panel_direct)
#define panel_ops_isa RAML_NAME(panel_ops)
#define panel_group_isa RAML_NAME(panel_group)

enum { PANEL_GROUP = 32 /* k that are expanded at once */ };

/* out[i][16] = n <= PANEL_GROUP elements of each row from k on, a multiple of PANEL_GROUP; blocks: n is PANEL_GROUP.
 * Prefetches the bytes that follow in memory. */
typedef void panel_group(const unsigned char *panel, size_t k, size_t n, float *out);
panel_group *panel_group_isa(enum raml_type type);

/* The product of R rows without expanding panels; NULL: another product is faster. */
typedef void panel_skinny(const struct raml_skinny_panels *f);
panel_skinny *panel_direct_isa(enum raml_type type, size_t R);

void panel_expand_isa(enum raml_type type, const void *panel, size_t k0, size_t n, float *out);
void panel_skinny_isa(const struct raml_skinny_panels *f);
extern const struct raml_panel_ops panel_ops_isa;

#endif
