/* flint.h - private: the arithmetic libraries, under the names they have in Debian 12 (FLINT 2, Arb, Calcium) and later
 * (FLINT 3). */
#ifndef RAML_ANSWER_FLINT_H
#define RAML_ANSWER_FLINT_H

#pragma GCC system_header /* no warnings about their inline functions */
#if defined(__GNUC__) && !defined(__clang__)
/* gcc 12 takes the one-element array types of their arguments as promises about what a pointer points to. */
#pragma GCC diagnostic ignored "-Wstringop-overread"
#endif

#include <gmp.h>
#if __has_include(<flint/ca.h>)
#include <flint/acb.h>
#include <flint/arb.h>
#include <flint/ca.h>
#include <flint/fmpz_mpoly_q.h>
#include <flint/qqbar.h>
#else
#include <acb.h>
#include <arb.h>
#include <calcium/ca.h>
#include <calcium/fmpz_mpoly_q.h>
#include <calcium/qqbar.h>
#endif
#include <flint/fmpq.h>
#include <flint/fmpz_mpoly_factor.h>

#endif
