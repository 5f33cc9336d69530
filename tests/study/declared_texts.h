/* declared_texts.h - pieces of a study's file, for the tests of declared studies. */
#ifndef RAML_TESTS_DECLARED_TEXTS_H
#define RAML_TESTS_DECLARED_TEXTS_H

#define MEASURES "measures: {m: {step: b, file: x.json, at: v}}\n"
#define CLAIMS "claims: {c: {says: it, of: with.m - without.m, holds: above 0}}\n"
#define ARMS "arms: {with: {w: 1}, without: {w: 0}}\n"
#define STEPS "steps: {a: 'doctor {seed}', b: 'eval {a} {w} --out {out}/x.json'}\n"

#endif
