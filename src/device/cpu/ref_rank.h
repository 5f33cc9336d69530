/* ref_rank.h - the reference's halves of low-rank products. Contract: device/rank.h. */
#ifndef RAML_DEVICE_CPU_REF_RANK_H
#define RAML_DEVICE_CPU_REF_RANK_H

#include "device/rank.h"

void raml_ref_rank_down(const struct raml_rank_rows *f);
void raml_ref_rank_up(const struct raml_rank_rows *f);
void raml_ref_rank_grad(const struct raml_rank_rows *f);
void raml_ref_rank_pick(const struct raml_rank_rows *f);
void raml_ref_rank_put(const struct raml_rank_rows *f);

#endif
