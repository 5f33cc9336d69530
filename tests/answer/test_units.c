/* test_units.c - units after a number: converted, left aside, and words that change the number. */
#include "raml/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kinds.h"

/* clang-format off */
static const struct kind_case units[] = {
    {"10 m/s", "36 km/h", E}, {"5 m/s", "5 km/h", D}, {"5 m/s", "5 m", D}, {"18 km/h", "5 m/s", E}, {"5 m/s", "5", E},
    {"60 mph", "88 ft/s", E}, {"60\\text{ miles per hour}", "1\\text{ mile per minute}", E},
    {"60 miles an hour", "60 mph", E}, {"9.8 m/s^2", "980 cm/s^2", E},
    {"9.8 \\text{ m/s}^2", "9.8 \\mathrm{~m/s^2}", E}, {"9.8 m/s^2", "9.8 m/s", D}, {"1 kWh", "3.6 MJ", E},
    {"1000 W", "1 kW", E}, {"5 mW", "5 MW", D}, {"2 L", "2000 mL", E}, {"2 liters", "2000 ml", E},
    {"2 litres", "0.5 gallons", D}, {"1 liter", "1000 cm^3", E}, {"1 m^3", "1000 L", E},
    {"1 m^2", "10000 square centimeters", E}, {"1 square foot", "144 square inches", E}, {"5 cm^2", "5 cm", D},
    {"5 cubic meters", "5 m^3", E}, {"1 acre", "43560 square feet", E}, {"1 hectare", "10000 m^2", E},
    {"\\$0.75", "75 cents", E}, {"\\$0.75", "75\xc2\xa2", E}, {"\\$5", "5 cents", D}, {"\\$5", "\xe2\x82\xac" "5", D},
    {"5 euros", "5 yen", D}, {"\xc2\xa3" "5", "\\$5", D},
    {"\\$12\\text{ per hour}", "20\\text{ cents per minute}", E}, {"\\$12 per hour", "\\$12 per day", D},
    {"1 hour 30 minutes", "90 minutes", E}, {"1 hour and 30 minutes", "90 min", E},
    {"1 hour, 30 minutes", "1.5 hours", E}, {"1 h 30 min", "5400 s", E},
    {"2 hours 15 minutes", "2 hours and 15 minutes", E}, {"2 hours 15 minutes", "2.25 hours", E},
    {"2 hours 15 minutes", "2.15 hours", D}, {"2 hours 15 minutes", "2 hours", D}, {"1 hour 30 minutes", "1", D},
    {"1 hour 30 minutes", "30", D}, {"1 hour 30 minutes", "90", U}, {"1 day 2 hours", "26 hours", E},
    {"1 hour 2 minutes 3 seconds", "3723 seconds", E}, {"5 ft 6 in", "66 inches", E},
    {"5 feet 6 inches", "5.5 feet", E}, {"5 feet and 6 inches", "5'6\"", E}, {"5' 6''", "66 in", E},
    {"5 feet 6 inches", "5", D}, {"5 feet 6 inches", "5 feet", D}, {"6 lb 4 oz", "100 ounces", E},
    {"3 m 20 cm", "3.2 m", E}, {"3 m 20 cm", "320 cm", E}, {"30^\\circ 30'", "30.5^\\circ", E},
    {"30^\\circ 15' 36''", "30.26^\\circ", E}, {"30\xc2\xb0" "30'", "30.3\xc2\xb0", D},
    {"45^\\circ 30'", "45^\\circ", D}, {"100^\\circ C", "212^\\circ F", E},
    {"100 \xc2\xb0" "C", "212 \xc2\xb0" "F", E}, {"0 degrees Celsius", "32 degrees Fahrenheit", E},
    {"0^\\circ\\text{C}", "273.15 \\text{ K}", E}, {"100^{\\circ}\\mathrm{C}", "100^{\\circ}\\mathrm{F}", D},
    {"25 \xc2\xb0" "C", "25 \xc2\xb0" "F", D}, {"-40 \xc2\xb0" "C", "-40 \xc2\xb0" "F", E},
    {"25 \xc2\xb0" "C", "25", E}, {"5 km", "3 miles", D}, {"1 mile", "1609.344 m", E}, {"1 inch", "2.54 cm", E},
    {"5 kg", "5 lb", D}, {"1 kg", "1000 g", E}, {"1 lb", "16 oz", E}, {"5 pounds", "80 ounces", E},
    {"2 weeks", "14 days", E}, {"2 years", "24 months", E}, {"1 month", "30 days", U}, {"1 year", "365 days", U},
    {"5 m", "5 kg", D}, {"5 m", "5 meters", E}, {"5 N", "5 kg m/s^2", E}, {"5 N", "5 J", D},
    {"1 atm", "101325 Pa", E}, {"5", "5 million", D}, {"5", "5 hundred", D}, {"5", "5 dozen", D},
    {"5", "5 squared", D}, {"25", "5 squared", E}, {"27", "3 cubed", E}, {"5", "5 to 6", D}, {"5", "5 out of 6", D},
    {"5/6", "5 out of 6", E}, {"1", "1 in 4", D}, {"1/4", "1 in 4", E}, {"0.25", "1 out of 4", E},
    {"3/5", "3 out of 5 students", E}, {"5", "5 apples and 3 oranges", D}, {"5", "5 less than x", D},
    {"5", "5 more than x", D}, {"5", "5 times x", D}, {"5", "5 plus 3", D}, {"8", "5 plus 3", E},
    {"5", "5 minus 3", D}, {"5", "5\\text{ factorial}", D}, {"5", "5 halves", D}, {"5", "5 minutes past 3", D},
    {"5", "5 remainder 2", D}, {"5 remainder 2", "5 R 2", E}, {"5 remainder 2", "5 R 3", D}, {"5", "5 times", E},
    {"5", "5 apples", E}, {"5", "5 meters", E}, {"5", "5 units", E}, {"5 units", "5 cm", E},
    {"5 square units", "5", E}, {"5 apples", "5 apple", E}, {"5 apples", "5 oranges", D},
    {"5 red balls", "5 blue balls", D}, {"5 balls", "5 red balls", E}, {"5 boys", "5 girls", D},
    {"12 students", "12 people", U}, {"12 students", "13 people", D}, {"5", "5 dollars each", E},
    {"6 people", "6 persons", E}, {"3 children", "3 child", E}, {"2 boxes", "2 box", E},
    {"45 miles per gallon", "45 mpg", E}, {"30 apples per box", "30 apples", U}, {"5 m", "500 cm", E},
    {"5 nm", "5 mm", D}, {"3 \\mathrm{~cm}", "30 \\mathrm{~mm}", E},
    {"20 \\mathrm{~km} / \\mathrm{h}", "20 \\text{ km/h}", E}, {"x = 5\\text{ m}", "x = 500 cm", E},
    {"x = 5\\text{ m}", "5", E}, {"v = 10 \\text{ m/s}", "36 \\text{ km/h}", E},
    {"10 m, 20 m", "1000 cm, 2000 cm", E}, {"(5 m)", "5", E}, {"5 cups of flour", "5 cups", E},
    {"3 liters of water", "3000 mL", E}, {"60\\text{ beats per minute}", "1\\text{ beat per second}", E},
    {"2 tons", "2 pounds", U},
};
static const struct kind_case neighbours[] = {
    /* words that may change a number, and units */
    {"5", "5 thousand dollars", D}, {"5", "5 k", D}, {"5", "5 or more", D}, {"5", "5 at least", D},
    {"5", "5 and a half", D}, {"5", "5\\frac12 hours", D}, {"5", "5.5 hours", D}, {"5", "\\text{5 times as many}", E},
    {"5", "5 to 1", D}, {"5", "5:1", E}, {"5", "5 per 100", D}, {"5", "5 per hour", E}, {"5", "5 - 6", D},
    {"5", "5% of 100", D}, {"5", "5 below zero", D}, {"5", "5 degrees below zero", D}, {"5", "5 \xc3\xb7 6", D},
    {"5", "5 over 6", D}, {"5/6", "5 over 6", E}, {"5", "5 of 6", D}, {"5", "5 from 6", D},
    {"5", "5 plus or minus 1", D}, {"5", "5 x 3", D}, {"5", "5 by 6", D}, {"5", "5 by 6 feet", D},
    {"5", "5 feet by 6 feet", D}, {"5", "5 cm x 6 cm", D}, {"30", "5 by 6", D}, {"5", "5 hours ago", E},
    {"5", "5 pounds 3 ounces", D}, {"5", "5 min 30 s", D}, {"5", "5 ft", E}, {"5", "5th", E}, {"5", "5 mod 7", E},
    {"5", "5\\text{ percent}", E}, {"5", "5 tens", D}, {"5", "5 pairs", E}, {"5", "5 thirds", D}, {"5", "5 pi", D},
    {"5", "5 log 2", D}, {"5", "5 million years", D}, {"5", "5 half-hours", D},
    {"5", "\\text{5 hours and 20 minutes}", D}, {"5", "\\text{between 5 and 6}", D}, {"5", "5 < x", D},
    {"5", "5\\text{ but not }6", D}, {"5", "5\\text{ or }6", D}, {"5", "5, 6", D}, {"5", "5\\text{ and }6", D},
    {"5", "5^{\\text{th}}", E}, {"5", "5\\text{ m}^2", E}, {"25", "5\\text{ m}^2", D}, {"5 m/s", "5 m/s^2", D},
    {"5 m/s", "5 cm/s", D}, {"5 m/s", "5 s/m", D}, {"5 kg m/s", "5 kg m/s^2", D}, {"5 km/h", "5 mph", D},
    {"\\text{5 dollars per pound}", "\\text{5 dollars per kilogram}", D},
    {"\\text{5 dollars per pound}", "\\text{5 euros per pound}", D},
    {"\\text{5 apples per day}", "\\text{5 apples per week}", D}, {"5 N/m", "5 N m", D},
    {"5\\text{ N/m}", "5\\text{ N}\\cdot\\text{m}", D}, {"5 m^2", "5 m^3", D}, {"5 mol/L", "5 mol/mL", D},
    {"5 mmol/L", "5 mol/m^3", E}, {"1 g/mL", "1000 kg/m^3", E}, {"1 cal", "4.184 J", E}, {"1 hour", "60", D},
    {"60", "1 hour", D}, {"3.5 hours", "3 hours 30 minutes", E}, {"3:30", "3 hours 30 minutes", D},
    {"1 yard", "3 feet", E}, {"1 mile", "5280 feet", E}, {"1 gallon", "4 quarts", E}, {"1 quart", "2 pints", E},
    {"1 pint", "2 cups", E}, {"1 cup", "16 tablespoons", E}, {"1 tablespoon", "3 teaspoons", E},
    {"1 cubic yard", "27 cubic feet", E}, {"1 \\text{ ft}^3", "1728 \\text{ in}^3", E}, {"1 m^3", "1000000 cm^3", E},
    {"100 cm^2", "0.01 m^2", E}, {"2.5 km", "2500 m", E}, {"2.5 \\text{ km}", "2500", D}, {"\\$1.25", "125 cents", E},
    {"1.25 dollars", "\\$1.25", E}, {"25 cents", "\\$0.25", E}, {"25\xc2\xa2", "0.25 dollars", E},
    {"\xc2\xa3" "1", "100 pence", E}, {"\xe2\x82\xac" "5", "5 euros", E}, {"\xe2\x82\xac" "5", "\xc2\xa3" "5", D},
    {"37 \xc2\xb0" "C", "98.6 \xc2\xb0" "F", E}, {"300 K", "26.85 \xc2\xb0" "C", E},
    {"20^\\circ C", "68^\\circ F", E}, {"45^\\circ", "45^\\circ C", E},
    {"90^\\circ", "\\frac{\\pi}{2}\\text{ rad}", E}, {"180^\\circ", "\\pi \\text{ radians}", E},
    {"45^\\circ 15'", "45.25^\\circ", E}, {"12^\\circ 34' 56''", "12.582222^\\circ", D}, {"1^\\circ", "60'", E},
    {"5 hours", "300 minutes", E}, {"5 hours", "300 seconds", D}, {"2 days", "48 hours", E},
    {"2 weeks 3 days", "17 days", E}, {"1 year 6 months", "18 months", E}, {"1.5 years", "18 months", E},
    {"45^\\circ", "45 cm", D}, {"5\\%", "5 cm", D}, {"37^\\circ", "37 \xc2\xb0" "C", E}, {"5\\%", "5", E},
};
/* clang-format on */

static void test_units(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(units, COUNT(units), NULL), 0);
}

static void test_neighbours(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(neighbours, COUNT(neighbours), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
