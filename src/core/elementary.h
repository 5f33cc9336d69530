/* elementary.h - exp, log, sin, cos and pow that give the same bits on every machine.
 *
 * A C library's differ in the last bit from one version and processor to the next, and so would weights, rotary tables
 * and losses made with them. These use only the four operations, sqrt and fma of IEEE doubles, in a fixed order.
 * Errors are far below what rounding to f32 needs (2^-25); the bounds that the tests check:
 *   raml_exp   2^-51 relative; 0 below -745.2, infinity above 709.8
 *   raml_log   2^-51 relative; x of any size, subnormals included; log 0 = -infinity, of negatives NaN
 *   raml_sin, raml_cos   2^-50 absolute for |x| <= 2^30; beyond that, and for infinities, NaN
 *   raml_pow   (2^-51 + 2^-52 |y log x|) relative, for x > 0 (x = 0: 0, 1 or infinity by y's sign; x < 0: NaN)
 * NaN gives NaN.
 */
#ifndef RAML_CORE_ELEMENTARY_H
#define RAML_CORE_ELEMENTARY_H

double raml_exp(double x);
double raml_log(double x);
double raml_sin(double x);
double raml_cos(double x);
double raml_pow(double x, double y);

#endif
