# families.gp - docs/paper.md: accuracy of four families while training. gnuplot families.gp
set terminal svg size 760,520 font "sans-serif,13" background "white"
set output "families.svg"
set datafile separator "\t"
set multiplot layout 2,2
set xrange [250:1250]
set yrange [-0.02:1.05]
set xtics 300,300,1200
set grid ytics lc rgb "#dddddd"
do for [f in "perm modchain word graph"] {
    set title f
    if (f eq "perm") { set key right bottom } else { set key left top }
    set xlabel "steps of 16 rows"
    set ylabel "accuracy"
    plot for [s=4:6] "families.tsv" using (strcol(2) eq f && strcol(3) eq "nano" ? $1 : 1/0):s with linespoints pt 7 ps 0.5 lc rgb "#0072b2" title s == 4 ? "0.2 million parameters" : "", \
         for [s=4:6] "families.tsv" using (strcol(2) eq f && strcol(3) eq "micro" ? $1 : 1/0):s with linespoints pt 5 ps 0.5 lc rgb "#d55e00" title s == 4 ? "0.8 million" : ""
}
unset multiplot
