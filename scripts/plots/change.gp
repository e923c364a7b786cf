# Changes with intervals over ordered rows (thread counts, machines, dates), the noise floor as a
# band about zero. The .dat: row, label, change, low, high, floor, colour, text; in per cent.
# Values: rows, y_title, x_title, floor_text.
set ylabel y_title offset 0.5,0
set xlabel x_title offset 0,0.2
set xrange [-0.6:rows-0.4]
set xtics scale 0
unset key
if (terminal) {
  set xzeroaxis
  set xrange [-0.6:rows+0.2]
  plot data using 1:3:xtic(2) with points pt '*' notitle, data using ($1+0.06):3:8 with labels left notitle
} else {
  set xzeroaxis lc rgb muted lt 1 lw 1
  size = svg ? 0.6 : 1.4
  set style fill solid 1.0 noborder
  set rmargin 3
  set label 5 floor_text at graph 0.995, graph 0.965 right textcolor rgb muted font small noenhanced
  of(c) = (int(column(7)) == c ? column(3) : NaN)
  plot data using 1:(0):($1-0.5):($1+0.5):(-$6):($6) with boxxyerror fc rgb bandcolor notitle, \
    0 with lines lc rgb muted lw 1 notitle, \
    for [c=1:8] data using (of(c) == of(c) ? $1 : NaN):4:(0):($5-$4) with vectors nohead lw 2.5 lc rgb color[c] notitle, \
    for [c=1:8] data using 1:(of(c)) with points pt 7 ps size lc rgb color[c] notitle, \
    data using 1:3:xtic(2) with points pt -1 notitle, \
    data using ($1+0.03*rows/5.0):3:8 with labels left textcolor rgb foreground font small noenhanced notitle
}
