# Changes with intervals, one row each, the noise floor as a band about zero, the verdict at the
# right. The .dat: row, label, change, low, high, floor, colour, text; in per cent.
# Values: rows, x_title, floor_text, lowest, highest, left_share, left_characters.
set xlabel x_title offset 0,0.2
set yrange [rows-0.4:-0.6]
set y2range [rows-0.4:-0.6]
set y2tics scale 0 textcolor rgb foreground noenhanced
span = highest - lowest
set xrange [lowest-0.04*span:highest+0.04*span]
unset ylabel
unset key
set border 1
if (terminal) {
  set lmargin left_characters
  set rmargin 24
  set arrow 1 from first 0, graph 0 to first 0, graph 1 nohead
  plot data using 3:1:ytic(2) with points pt '*' notitle, data using 3:1:y2tic(8) axes x1y2 with points pt -1 notitle
} else {
  unset grid
  set grid xtics lc rgb gridcolor lt 1
  set lmargin at screen left_share
  set rmargin at screen 0.80
  set tmargin at screen pixels(74)
  set ytics scale 0 textcolor rgb foreground noenhanced
  set y2tics font small
  size = svg ? 0.6 : 1.4
  set style fill solid 1.0 noborder
  set arrow 1 from first 0, graph 0 to first 0, graph 1 nohead lc rgb muted lw 1.2 front
  set label 5 floor_text at screen 0.985, pixels(62) right textcolor rgb muted font small noenhanced
  of(c) = (int(column(7)) == c ? column(3) : NaN)
  plot data using (0):1:(-$6):($6):($1-0.42):($1+0.42):ytic(2) with boxxyerror fc rgb bandcolor notitle, \
    for [c=1:8] data using 4:(of(c) == of(c) ? $1 : NaN):($5-$4):(0) with vectors nohead lw 2.5 lc rgb color[c] notitle, \
    for [c=1:8] data using (of(c)):1 with points pt 7 ps size lc rgb color[c] notitle, \
    data using 3:1:y2tic(8) axes x1y2 with points pt -1 notitle
}
