# scaling.gp - docs/paper.md: accuracy with trajectories and without, by size and difficulty. gnuplot scaling.gp
set terminal svg size 760,560 font "sans-serif,13" background "white"
set output "scaling.svg"
set datafile separator "\t"
set multiplot layout 2,2
set logscale x
set xrange [1.5e5:1.5e7]
set yrange [-0.03:1.05]
set xtics ("0.2 M" 218176, "0.8 M" 804992, "3 M" 3084544, "10 M" 10159488)
set grid ytics lc rgb "#dddddd"
do for [d in "two three four five"] {
    set title d." digits"
    set xlabel "parameters"
    set ylabel "accuracy"
    if (d eq "five") { set key center center } else { unset key }
    plot for [s=4:9] "scaling.tsv" using (strcol(2) eq d && strcol(3) eq "with" ? $1 : 1/0):s with points pt 7 ps 0.5 lc rgb "#0072b2" title s == 4 ? "with trajectories (a seed)" : "", \
         "scaling.tsv" using (strcol(2) eq d && strcol(3) eq "with" ? $1 : 1/0):(($4+$5+$6+$7+$8+$9)/6) with lines lw 2 lc rgb "#0072b2" title "mean", \
         for [s=4:9] "scaling.tsv" using (strcol(2) eq d && strcol(3) eq "without" ? $1 : 1/0):s with points pt 5 ps 0.5 lc rgb "#d55e00" title s == 4 ? "answers alone (a seed)" : "", \
         "scaling.tsv" using (strcol(2) eq d && strcol(3) eq "without" ? $1 : 1/0):(($4+$5+$6+$7+$8+$9)/6) with lines lw 2 lc rgb "#d55e00" title "mean"
}
unset multiplot
